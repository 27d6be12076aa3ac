"""What learners read about their work: private pages, made for a phone, without the code of hidden tests."""
