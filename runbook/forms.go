package runbook

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxKey  = 400 // bytes of a path in the KV
	maxName = 128 // bytes of a version, a backend, a service of a router
)

// notInKeys are characters that no name needs and that a shell would take apart when
// a human copies it from the page.
const notInKeys = " \t\r\n'\"`$\\;&|<>*?()"

// keyForm is what every way into Consul spells the same: its HTTP API cleans other paths, its
// transactions do not.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// IsKey reports whether a path in the KV, without a slash at its ends, can be written.
func IsKey(key string) bool {
	if len(key) > maxKey || !keyForm.MatchString(key) {
		return false
	}
	for part := range strings.SplitSeq(key, "/") {
		if strings.Trim(part, ".") == "" {
			return false
		}
	}
	return true
}

// IsKeyPart reports whether a name can be one part of a key.
func IsKeyPart(name string) bool {
	return len(name) <= maxName && IsKey(name) && !strings.ContainsAny(name, "/") && name[0] != '.'
}

// isBare is of the name of a router's service, in which {region} may stand.
func isBare(name string) bool {
	name = strings.ReplaceAll(name, regionMark, "r")
	return len(name) <= maxName && IsKey(name) && !strings.Contains(name, "/")
}

func (p *decoder) bare(path, name string) {
	if name != "" && !isBare(name) {
		p.add(path, fmt.Sprintf("%q is not a bare name", name),
			fmt.Sprintf("write it in letters, digits, dots, dashes and underscores, at most %d", maxName))
	}
}

// key checks a path in the KV, without a trailing slash.
func (p *decoder) key(path, key string) {
	switch {
	case strings.HasPrefix(key+"/", ownPrefix):
		p.add(path, fmt.Sprintf("%q is under %s, where autorollback keeps its own state", key, ownPrefix), "choose another key, e.g. routes/ranker/weights")
	case !IsKey(strings.ReplaceAll(key, regionMark, "r")):
		p.add(path, fmt.Sprintf("%q is not a key", key),
			fmt.Sprintf("write parts of letters, digits, dots, dashes and underscores with a slash between two, none of dots alone; at most %d bytes", maxKey))
	}
}

// word checks a name that becomes part of a key. What a router and its flags can write of it says
// [Routing.Unwritable].
func (p *decoder) word(path, value, fix string) {
	switch {
	case value == "":
		p.missing(path, fix)
	case len(value) > maxName:
		p.add(path, fmt.Sprintf("has %d bytes", len(value)), fmt.Sprintf("write at most %d", maxName))
	case strings.ContainsAny(value, "/"+notInKeys) || strings.Trim(value, ".") == "":
		p.add(path, fmt.Sprintf("%q cannot be part of a key", value), "write it without slashes, spaces and quotes")
	}
}

// isBackend is of the name that some router can have for a backend, a provider's behind @ included.
func isBackend(name string) bool {
	_, hidden := unseen(name)
	return !hidden && len(name) <= maxName && !strings.ContainsAny(name, "/"+notInKeys)
}

// Unwritable says why a side of a release cannot be written where this routing has it: its
// version as the key of its flags, its backend as the router's name of one. Empty: it can.
func (o Routing) Unwritable(version, backend string) string {
	kind := routerKinds[o.Router]
	switch {
	case o.Flags != "" && !IsKeyPart(version):
		return fmt.Sprintf("version %q cannot be written: its flags stand under %s<version>, where a version has letters, digits, "+
			"dots, dashes and underscores and does not begin with a dot; name it e.g. %s", version, o.Flags, keyPart(version))
	case kind.backend != nil && !kind.backend.MatchString(backend):
		return fmt.Sprintf("backend %q cannot be written: %s", backend, kind.backendFix)
	}
	return ""
}

// keyPart is a name like this one that can be part of a key.
func keyPart(name string) string {
	part := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && keyForm.MatchString(string(r)) {
			return r
		}
		return '-'
	}, name)
	return strings.TrimLeft(part[:min(len(part), maxName)], ".")
}

// unseen is the first character that nobody sees: a control, a direction, a NUL, what is no UTF-8.
func unseen(s string) (r rune, found bool) {
	i := strings.IndexFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsGraphic(r) && r != '\n' && r != '\t'
	})
	if i < 0 {
		return 0, false
	}
	r, _ = utf8.DecodeRuneInString(s[i:])
	return r, true
}

// seen refuses a text with a character that nobody sees.
func (p *decoder) seen(path, text string) bool {
	r, found := unseen(text)
	if found {
		p.add(path, fmt.Sprintf("has the invisible character %U", r), "remove it")
	}
	return !found
}
