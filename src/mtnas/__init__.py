"""Reproduction of "Boosting Share Routing for Multi-task Learning" (MTNAS, WWW 2021 Companion)."""
