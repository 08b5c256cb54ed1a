"""What is a recorded value, once the ways of writing it are taken away?"""
