// Package autorollback is the root of the module; it holds only tests of its shape.
// The program is cmd/autorollback.
package autorollback
