package secret

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

const random = "Zm9vYmFyIHRoaXMgaXMgbm90IHNlY3JldCBhdCBhbGw"

func TestWeak(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                     "is empty",
		"0123456789abcdefghijklmnopqrstu":                      "has 31 bytes, at least 32 are needed",
		strings.Repeat("a", 40):                                "repeats itself",
		strings.Repeat("\x00", 32):                             "repeats itself",
		strings.Repeat("ab", 20):                               "repeats itself",
		strings.Repeat("abcdefgh", 5):                          "repeats itself",
		strings.Repeat("0123456789abcdef", 2):                  "repeats itself",
		strings.Repeat("a", 39) + "b":                          "repeats itself",
		strings.Repeat("a", 30) + "0123456789":                 "repeats itself",
		"0000000000000000000000000000000000000000000000000123": "repeats itself",
		"00000000-0000-0000-0000-000000000001":                 "repeats itself",
		"0123456789abcdefghijklmnopqrstuv":                     "",
		"a-receiver-token-of-more-than-32-bytes-for-tests":     "",
		"7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52":                 "",
	} {
		err := Weak([]byte(text), Least)
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// What is drawn at random is never refused: in the forms that people make, and of the least length.
func TestRandomOnesAreTaken(t *testing.T) {
	for range 20_000 {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		for _, text := range []string{string(raw), hex.EncodeToString(raw[:16]), base64.StdEncoding.EncodeToString(raw), rand.Text() + rand.Text()} {
			if err := Weak([]byte(text), Least); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "no token in it",
		"\n \n":                       "no token in it",
		random + "\nshort\n":          "line 2: a token has 5 bytes",
		strings.Repeat("a", 40):       "line 1: a token repeats itself",
		"\n" + random + "\r\n\n":      "",
		random + "\n" + random[1:]:    "",
		random + "\n\x00\x00\x00\x00": "line 2: a token has 4 bytes",
	} {
		all, err := Tokens([]byte(text), Least)
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err == nil && all[0].Reveal() != random {
			t.Errorf("%q: read otherwise", text)
		}
	}
}

func TestURL(t *testing.T) {
	const canary = "CANARY-4711"
	for text, want := range map[string]string{
		"http://prometheus:9090":                          "",
		"https://prometheus.example/below?tenant=ranking": "",
		"http://user:" + canary + "@prometheus:9090":      "holds a name or a password",
		"http://" + canary + "@prometheus:9090":           "holds a name or a password",
		"https://prometheus.example/?api_key=" + canary:   "holds a secret (api_key)",
		"http://user:" + canary + " x@prometheus:9090":    "no address",
		"user:" + canary + "@prometheus:9090":             "no address",
		"file:///etc/" + canary:                           "no address",
		"http:///" + canary:                               "no address",
		canary:                                            "no address",
	} {
		_, err := URL(text, "name a file")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error quotes the secret: %v", text, err)
		}
	}
}

func TestPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX4711": true,
		"/hooks/7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52":            true,
		"/integration/0123456789abcdef0123456789abcdef/enqueue":  true,
		"/api/v1/webhooks/autorollback":                          false,
		"/hooks/2026/incident-notifications-of-machine-learning": false,
		"/internationalization":                                  false,
		"":                                                       false,
	} {
		if Path(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
