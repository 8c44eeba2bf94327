"""The engine room: HTTP and Airflow connections, written once for every vendor."""
