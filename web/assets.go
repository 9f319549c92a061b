package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/autorollback/autorollback/chart"
)

//go:embed pages/style.css
var style string

// sheet is the style of all pages, and of the pictures in them.
func sheet(w http.ResponseWriter, r *http.Request, _ visitor) {
	http.ServeContent(w, r, "style.css", time.Time{}, strings.NewReader(style+chart.Style))
}

// countdown counts what is left, and how old the numbers are, while a page is open. It asks nothing
// and sends nothing; without it the page says both as they were when it was made.
//
//go:embed pages/countdown.js
var countdown string

func script() template.JS { return template.JS(countdown) } //nolint:gosec // our own file

// runsCountdown allows that script on a page, and no other.
func runsCountdown(w http.ResponseWriter) {
	sum := sha256.Sum256([]byte(countdown))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	w.Header().Set("Content-Security-Policy", contentPolicy+"; script-src 'sha256-"+hash+"'")
}
