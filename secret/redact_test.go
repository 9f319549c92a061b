package secret

import (
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	const canary = "CANARY-4711"
	for name, c := range map[string]struct{ in, want string }{
		"nothing to hide":   {`{"b": 1.50, "a":"x" }`, `{"b": 1.50, "a":"x" }`},
		"max_tokens stays":  {`{"max_tokens":512,"secretary":"x","key":"a"}`, `{"max_tokens":512,"secretary":"x","key":"a"}`},
		"a label":           {`{"labels":{"api_token":"CANARY-4711","n":12345678901234567890}}`, ""},
		"an object":         {`{"credentials":{"user":"CANARY-4711"}}`, ""},
		"camel case":        {`{"apiKey":"CANARY-4711","dbPassword":"CANARY-4711","X-Auth-Token":["CANARY-4711"]}`, ""},
		"JSON in a string":  {`{"v":"{\"password\":\"CANARY-4711\"}"}`, ""},
		"deep in a string":  {`{"v":"{\"credentials\":{\"user\":[\"CANARY-4711\"]}}"}`, ""},
		"a KV entry":        {`[{"Key":"features/ranker/token","Value":"CANARY-4711"},{"key":"a/secret","from":"CANARY-4711","to":"CANARY-4711"}]`, ""},
		"a header in JSON":  {`{"h":"Authorization: Bearer CANARY-4711"}`, ""},
		"a selector":        {`up{token="CANARY-4711",job="x"}`, `up{token=[redacted],job="x"}`},
		"an assignment":     {`dsn=db password=CANARY-4711 host=x`, `dsn=db password=[redacted] host=x`},
		"a nested one":      {`url=http://x?a=1&access_token=CANARY-4711&b=2`, `url=http://x?a=1&access_token=[redacted]&b=2`},
		"a URL's password":  {`postgres://user:CANARY-4711@db/x`, `postgres://user:[redacted]@db/x`},
		"a header":          {"GET /\nAuthorization: Digest user=CANARY-4711, x=CANARY-4711\nHost: x\n", "GET /\nAuthorization: [redacted]\nHost: x\n"},
		"a cookie":          {"Cookie: a=CANARY-4711; b=CANARY-4711", "Cookie: [redacted]"},
		"quoted in text":    {`said "token": "CANARY-4711" and \"token\":\"CANARY-4711\"`, ""},
		"JSON lines":        {`{"token":"CANARY-4711"}` + "\n" + `{"token":"CANARY-4711"}`, ""},
		"a private key":     {"-----BEGIN RSA PRIVATE KEY-----\nCANARY-4711\n-----END RSA PRIVATE KEY-----", "[redacted]"},
		"half a key":        {"-----BEGIN PRIVATE KEY-----\nCANARY-4711", "[redacted]"},
		"our own link":      {"https://x/approve/" + strings.Repeat("A", 50), "https://x/approve/[redacted]"},
		"a webhook's key":   {"whsec_CANARY4711", "[redacted]"},
		"bytes of no text":  {"\x00\xff\x01", "\x00\xff\x01"},
		"bearer in a query": {`header is bearer CANARY-4711xx ok`, `header is bearer [redacted] ok`},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(Redact([]byte(c.in)))
			if c.want != "" && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(got, canary) || strings.Contains(got, "CANARY4711") {
				t.Errorf("the secret is still there: %s", got)
			}
			if again := string(Redact([]byte(got))); again != got {
				t.Errorf("redacted again: %q, before: %q", again, got)
			}
		})
	}
}
