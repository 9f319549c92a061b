package web

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"regexp"
)

// The nonce ties a form to the browser that was shown the page: it is in the form and
// in a cookie that other sites' requests do not carry.
const nonceCookie = "autorollback_form"

var nonceForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// setNonce keeps the browser's nonce, so that two open pages do not spoil each other.
func setNonce(w http.ResponseWriter, r *http.Request) string {
	nonce := rand.Text()
	if c, err := r.Cookie(nonceCookie); err == nil && nonceForm.MatchString(c.Value) {
		nonce = c.Value
	}
	http.SetCookie(w, &http.Cookie{
		Name: nonceCookie, Value: nonce, Path: "/approve/", MaxAge: 3600,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	return nonce
}

func nonceMatches(r *http.Request) bool {
	c, err := r.Cookie(nonceCookie)
	return err == nil && nonceForm.MatchString(c.Value) &&
		subtle.ConstantTimeCompare([]byte(c.Value), []byte(r.PostForm.Get("nonce"))) == 1
}
