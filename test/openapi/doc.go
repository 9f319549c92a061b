// Package openapi makes docs/openapi.yaml from the table of routes, the Go types and their comments, and
// holds real requests and answers against it: tests of the API call [Document.Check] for each. It never
// answers a request itself.
package openapi
