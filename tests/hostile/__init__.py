"""A campaign of hostile files and answers: each ends in time, in one clear line, harmless."""
