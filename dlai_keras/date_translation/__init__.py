"""Date translation: dates as people write them to yyyy-mm-dd, and sentences."""
