"""What benchmarks start in processes of their own (`benchmarks.modes`): each prints one line of JSON."""
