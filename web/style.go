package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// policyFor is the policy of a page that brings its style along, so that it can also
// be kept as a file: exactly the style elements of the page may be used, by hash.
func policyFor(html []byte) string {
	var hashes strings.Builder
	for rest := html; ; {
		_, after, found := bytes.Cut(rest, []byte("<style>"))
		style, next, closed := bytes.Cut(after, []byte("</style>"))
		if !found || !closed {
			break
		}
		sum := sha256.Sum256(style)
		hashes.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
		rest = next
	}
	return strings.Replace(policy, "style-src 'self'", "style-src 'self'"+hashes.String(), 1)
}
