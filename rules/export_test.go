package rules

// Raced tells the tests outside of the package whether the race detector is on.
const Raced = raced
