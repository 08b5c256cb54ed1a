"""What can be done with a request: submitted, checked, reviewed, released, recalled; one mover for all of it."""
