"""A notebook server as a batch job: what a course needs, what a site offers, and the job that joins them."""
