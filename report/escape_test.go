package report

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzEscapeMarkdown reads the escaped text as CommonMark would and demands that what
// is left of it is plain: no unescaped markup, no tag, no entity but ours, no link.
func FuzzEscapeMarkdown(f *testing.F) {
	for _, s := range []string{hostile, `\`, `\|`, "- x", "1) x", "=", "a\u0085b\u2028c", "\xff\xfe", "&lt;script>", "`\n`", "@@x", "\t@x", "http://x", "HTTP://x", "WWW.x.y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := escapeStart(escapeMarkdown(s))
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x00") {
			t.Fatalf("%q is not one line of text", got)
		}
		for i := 0; i < len(got); i++ {
			switch c := got[i]; c {
			case '\\':
				i++ // the next one is literal
				if i == len(got) || !strings.ContainsRune("\\`*_[]|~#!$-+=.)", rune(got[i])) {
					t.Fatalf("%q: a backslash that escapes nothing", got)
				}
			case '`', '*', '_', '[', ']', '|', '~', '#', '!', '$', '<', '>':
				t.Fatalf("%q: %c is not escaped", got, c)
			case '&':
				rest := got[i:]
				if !strings.HasPrefix(rest, "&lt;") && !strings.HasPrefix(rest, "&gt;") && !strings.HasPrefix(rest, "&amp;") {
					t.Fatalf("%q: an entity that is not ours", got)
				}
			}
		}
		if strings.Contains(got, "://") || strings.Contains(got, "www.") || strings.Contains(got, " @") || strings.HasPrefix(got, "@") {
			t.Fatalf("%q: a link or a mention", got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("%q: the hidden character %U", got, r)
			}
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s, 200)
		if strings.ContainsAny(got, "<>&\n\r") || strings.Contains(got, "://") || strings.Contains(got, "](") || strings.Contains(got, " @") {
			t.Fatalf("%q can be a tag, a mention or a link", got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("%q: the hidden character %U", got, r)
			}
		}
	})
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		odds(9.4):                          "12,088 : 1 against chance",
		odds(0):                            "",
		odds(1000):                         "more than 1,000,000,000,000 : 1 against chance",
		span(850 * time.Millisecond):       "850 ms",
		span(59950 * time.Millisecond):     "59.9 s",
		span(125 * time.Second):            "2 m 05 s",
		span(5 * time.Minute):              "5 m",
		span(63 * time.Minute):             "1 h 03 m",
		span(48 * time.Hour):               "48 h",
		offset(-2 * time.Second):           "−2 s",
		plain("<!channel> a@b @here", 100): "‹!channel› a@b ＠here",
		cut("abc→def", 8):                  "abc…",
		visible("a\u202eb\n c\u00a0d", 99): "a⟨U+202E⟩b  c d",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
