"""How the exchange's tables came to be, one step a file; `hpcampus_grading.database` takes the steps."""
