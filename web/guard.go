package web

import (
	"net/http"
	"strings"

	"github.com/autorollback/autorollback/report"
)

// policy is the content security policy of every answer: nothing may be loaded but
// our own style sheet, nobody may frame us, forms come home.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"

// pagePolicy is the policy of the incident page, which brings its style along, so
// that it can also be kept as a file.
func pagePolicy() string {
	return strings.Replace(policy, "style-src 'self'", "style-src 'self' "+report.StyleHash(), 1)
}

// headers puts the security headers on every answer, errors included.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses changes that a page of another site asks a browser for.
func sameSite(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, problem{http.StatusForbidden, "forbidden", "a page of another site asked for this"})
	}))
	return guard.Handler(next)
}
