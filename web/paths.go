package web

import (
	"net/http"
	"regexp"
)

// forms are what a name in a path may look like; anything else is not found, and
// never becomes part of a key.
var forms = map[string]*regexp.Regexp{
	"service": regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`),
	"region":  regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`),
	"id":      regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,79}$`),
	"digest":  regexp.MustCompile(`^sha256:[0-9a-f]{64}$`),
}

// wellNamed reports whether every name in the request's path can be one.
func wellNamed(r *http.Request) bool {
	for name, form := range forms {
		if v := r.PathValue(name); v != "" && !form.MatchString(v) {
			return false
		}
	}
	return true
}
