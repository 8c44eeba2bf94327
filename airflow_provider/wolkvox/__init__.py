"""wolkvox CRM: tokens with a daily quota."""
