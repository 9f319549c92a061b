// Package pipelines tests what a team puts into its pipelines, as they run it: the GitHub action, the
// pre-commit hooks, and a new user's walk from an empty folder to a checked rule file. Nothing is uploaded.
package pipelines
