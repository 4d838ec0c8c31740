"""What the tests build for real: repositories, servers, package indexes."""
