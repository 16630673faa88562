"""The paper's claims, each computed from run files with an interval and a verdict."""
