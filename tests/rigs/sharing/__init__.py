"""Lives of a remote that shares; a simple model beside it knows what each answer is to be: nothing more, nothing less."""
