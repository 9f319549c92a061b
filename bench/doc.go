// Package bench measures the whole program against the bare calls it cannot do
// without, in the same run. It is never part of the program. README.md says how to
// read the numbers.
package bench
