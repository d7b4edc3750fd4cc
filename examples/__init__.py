"""Programs that train for real with their shapes under contract, and twins of them with one silent bug each."""
