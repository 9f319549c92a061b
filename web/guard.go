package web

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"regexp"
	"strings"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/report"
)

// contentPolicy is the content security policy of every answer: nothing may be loaded but our own
// icon, no style is ours but the one that stands in our pages, nobody may frame us, forms come home.
var contentPolicy = "default-src 'none'; style-src " + hashOf(style) + "; img-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"

// pagePolicy is the policy of the incident page, which has a style of its own.
func pagePolicy() string {
	return strings.Replace(contentPolicy, hashOf(style), report.StyleHash(), 1)
}

// headers puts the security headers on every answer, errors included.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
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
		fail(w, problem{code: http.StatusForbidden, kind: api.Forbidden, text: "a page of another site asked for this"})
	}))
	return guard.Handler(next)
}

// forms are what a name in a path may look like; anything else is not found, and
// never becomes part of a key.
var forms = map[string]*regexp.Regexp{
	"service": regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`),
	"region":  regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`),
	"order":   regexp.MustCompile(`^(promote|flip|hold|resume|rollback)$`),
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

// The nonce ties a form to the browser that was shown the page: it is in the form and
// in a cookie that other sites' requests do not carry.
const nonceCookie = "autorollback_form"

var nonceForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// setNonce keeps the browser's nonce for the pages of a path, so that two open ones do not spoil each other.
func setNonce(w http.ResponseWriter, r *http.Request, path string) string {
	nonce := rand.Text()
	if c, err := r.Cookie(nonceCookie); err == nil && nonceForm.MatchString(c.Value) {
		nonce = c.Value
	}
	http.SetCookie(w, &http.Cookie{
		Name: nonceCookie, Value: nonce, Path: path, MaxAge: 3600,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	return nonce
}

func nonceMatches(r *http.Request) bool {
	c, err := r.Cookie(nonceCookie)
	return err == nil && nonceForm.MatchString(c.Value) &&
		subtle.ConstantTimeCompare([]byte(c.Value), []byte(r.PostForm.Get("nonce"))) == 1
}
