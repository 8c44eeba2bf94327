"""wolkvox CRM, simulated."""
