"""Tests of what several machines share; ``make test-distributed`` runs them."""
