package secret

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// Redacted stands in place of what looks like a secret.
const Redacted = "[redacted]"

// secretWords are the words of a name whose value is not for the evidence folder.
var secretWords = map[string]bool{
	"token": true, "password": true, "passwd": true, "pwd": true, "passphrase": true, "secret": true, "secrets": true,
	"authorization": true, "bearer": true, "cookie": true, "credential": true, "credentials": true,
	"apikey": true, "privatekey": true, "accesskey": true, "signature": true, "whsec": true,
}

var secretPairs = map[string]bool{"api key": true, "private key": true, "access key": true, "signing key": true, "secret key": true}

// Redact replaces values that look like secrets: in JSON those under a telling name,
// at any depth, JSON inside of strings included; in any text `name=value`,
// `name: value`, bearer and basic credentials, passwords in URLs, private keys and
// our own tokens. Content without any stays as it is, byte for byte. It is a net,
// not a proof: what must not be kept should not be put where we read.
func Redact(content []byte) []byte {
	if text, changed := redactJSON(content); changed {
		return text
	}
	if json.Valid(content) {
		return content
	}
	return []byte(redactText(string(content)))
}

func redactJSON(content []byte) ([]byte, bool) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil || !json.Valid(content) {
		return nil, false
	}
	clean, changed := redactValue(doc)
	if !changed {
		return nil, false
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(clean); err != nil {
		return []byte(Redacted + "\n"), true
	}
	return out.Bytes(), true
}

func redactValue(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return redactObject(v)
	case []any:
		changed := false
		for i := range v {
			clean, c := redactValue(v[i])
			v[i], changed = clean, changed || c
		}
		return v, changed
	case string:
		return redactString(v)
	}
	return v, false
}

func redactObject(v map[string]any) (any, bool) {
	changed := false
	for name, value := range v {
		if Names(name) && !isEmpty(value) {
			v[name], changed = Redacted, true
			continue
		}
		clean, c := redactValue(value)
		v[name], changed = clean, changed || c
	}
	// {"key": "…/token", "value": "…"}: an entry of a KV store, or a header.
	for _, n := range []string{"key", "Key", "name", "Name"} {
		key, _ := v[n].(string)
		for _, value := range []string{"value", "Value", "from", "to"} {
			if _, there := v[value]; there && Names(key) && v[value] != Redacted {
				v[value], changed = Redacted, true
			}
		}
	}
	return v, changed
}

func redactString(s string) (any, bool) {
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if text, changed := redactJSON([]byte(s)); changed {
			return string(text), true
		}
	}
	clean := redactText(s)
	return clean, clean != s
}

func isEmpty(v any) bool { return v == nil || v == "" }

// Names reports whether one of a name's words is a secret's: "db_password",
// "apiKey", "X-Auth-Token", but not "max_tokens" or "secretary".
func Names(name string) bool {
	before := ""
	for _, w := range words(name) {
		if secretWords[w] || secretPairs[before+" "+w] {
			return true
		}
		before = w
	}
	return false
}

func words(name string) []string {
	var b strings.Builder
	var last rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			b.WriteByte(' ')
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			b.WriteByte(' ')
		} else {
			b.WriteRune(unicode.ToLower(r))
		}
		last = r
	}
	return strings.Fields(b.String())
}

var (
	assignment = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:token|passw|pwd|passphrase|secret|authorization|bearer|cookie|credential|key|signature)[a-z0-9_.-]*)(\\?["']?\s*[=:]\s*)(\\".*?\\"|"(?:[^"\\]|\\.)*"|'[^']*'|(?:bearer|basic)\s+\S+|[^\s,;&"'}\]]+)`)
	header     = regexp.MustCompile(`(?im)^(\s*(?:proxy-)?authorization|\s*(?:set-)?cookie)(\s*:\s*)\S.*$`)
	scheme     = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}`)
	userinfo   = regexp.MustCompile(`(://[^/\s:@]*):[^/\s@]+@`)
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`)
	webhookKey = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`)
	ourLink    = regexp.MustCompile(`/approve/[A-Za-z0-9_-]{40,}`)
)

func redactText(s string) string {
	s = privateKey.ReplaceAllString(s, Redacted)
	s = userinfo.ReplaceAllString(s, "$1:"+Redacted+"@")
	s = scheme.ReplaceAllString(s, "$1 "+Redacted) // before it is cut in two
	s = header.ReplaceAllString(s, "$1$2"+Redacted)
	s = assignment.ReplaceAllStringFunc(s, func(found string) string {
		part := assignment.FindStringSubmatch(found)
		if !Names(part[1]) || strings.HasPrefix(Redacted, part[3]) {
			return found
		}
		return part[1] + part[2] + Redacted
	})
	s = webhookKey.ReplaceAllString(s, Redacted)
	return ourLink.ReplaceAllString(s, "/approve/"+Redacted)
}
