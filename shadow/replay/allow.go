package replay

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/autorollback/autorollback/shadow"
)

// An Allow lets requests of one method below one path be sent. Replaying a request
// does again what it did: nothing but GET and HEAD is sent without being allowed.
type Allow struct {
	Method string
	Prefix string // "/predict" allows /predict and /predict/x, not /predictions
}

// ParseAllow reads "POST /predict".
func ParseAllow(text string) (Allow, error) {
	method, prefix, ok := strings.Cut(strings.TrimSpace(text), " ")
	prefix = strings.TrimSpace(prefix)
	if !ok || method != strings.ToUpper(method) || method == "" || !strings.HasPrefix(prefix, "/") || path.Clean(prefix) != strings.TrimSuffix(prefix, "/") && prefix != "/" {
		return Allow{}, fmt.Errorf("%q allows nothing; write a method and a path prefix, e.g. \"POST /predict\"", text)
	}
	return Allow{method, prefix}, nil
}

// String returns what [ParseAllow] reads.
func (a Allow) String() string { return a.Method + " " + a.Prefix }

// refused returns why a request is not sent, or "".
func refused(allow []Allow, r shadow.Request) string {
	u, err := url.ParseRequestURI(r.Path)
	if err != nil || !strings.HasPrefix(r.Path, "/") || u.Host != "" {
		return fmt.Sprintf("the path %q is not one on the target", shadow.Clip(r.Path, 80))
	}
	if clean := path.Clean(u.Path); clean != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
		return fmt.Sprintf("the path %q is not plain", shadow.Clip(r.Path, 80))
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	for _, a := range allow {
		if a.Method == r.Method && below(u.Path, a.Prefix) {
			return ""
		}
	}
	return fmt.Sprintf("%s %s is not allowed", shadow.Clip(r.Method, 20), shadow.Clip(u.Path, 80))
}

func below(p, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	rest, ok := strings.CutPrefix(p, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
