"""What vendors tell us: deliveries, the asset events they become, and the runs that get them."""
