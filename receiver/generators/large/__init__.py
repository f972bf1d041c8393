"""What generators of published weights have in common: sources of weights, memory tiers, guidance, pictures."""
