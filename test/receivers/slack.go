package receivers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// Slack is an incoming webhook of Slack: a fallback text, and blocks of Block Kit within their limits. A text
// may mention nobody and link nothing but http.
func Slack(tb testing.TB) *Chat {
	return serve(tb, "/services/T00000000/B00000000/canary4711canary4711abcd", http.StatusOK, func(body []byte) (int, string) {
		if err := slackBody(body); err != nil {
			return http.StatusBadRequest, "invalid_blocks: " + err.Error()
		}
		return http.StatusOK, ""
	})
}

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

func slackBody(body []byte) error {
	var b struct {
		Text        string `json:"text"`
		Blocks      []json.RawMessage
		UnfurlLinks *bool `json:"unfurl_links"`
		UnfurlMedia *bool `json:"unfurl_media"`
	}
	if err := strictly(body, &b); err != nil {
		return err
	}
	switch {
	case b.Text == "" || utf8.RuneCountInString(b.Text) > 40_000:
		return fmt.Errorf("a text of %d characters", utf8.RuneCountInString(b.Text))
	case len(b.Blocks) > 50:
		return fmt.Errorf("%d blocks", len(b.Blocks))
	}
	if err := slackMarkup(b.Text); err != nil {
		return err
	}
	for n, raw := range b.Blocks {
		if err := slackBlock(raw); err != nil {
			return fmt.Errorf("block %d: %w", n, err)
		}
	}
	return nil
}

func slackBlock(raw json.RawMessage) error {
	var kind struct{ Type string }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	switch kind.Type {
	case "header", "section":
		var b struct {
			Type string
			Text *slackText
		}
		if err := strictly(raw, &b); err != nil {
			return err
		}
		if kind.Type == "header" {
			return b.Text.fits(150, "plain_text")
		}
		return b.Text.fits(3000, "plain_text", "mrkdwn")
	case "context":
		var b struct {
			Type     string
			Elements []*slackText
		}
		if err := strictly(raw, &b); err != nil {
			return err
		}
		if len(b.Elements) == 0 || len(b.Elements) > 10 {
			return fmt.Errorf("%d elements", len(b.Elements))
		}
		for _, e := range b.Elements {
			if err := e.fits(3000, "plain_text", "mrkdwn"); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unknown type %q", kind.Type)
}

func (t *slackText) fits(most int, types ...string) error {
	if t == nil {
		return fmt.Errorf("no text")
	}
	n := utf8.RuneCountInString(t.Text)
	switch {
	case !strings.Contains(" "+strings.Join(types, " ")+" ", " "+t.Type+" "):
		return fmt.Errorf("a text of type %q", t.Type)
	case n < 1 || n > most:
		return fmt.Errorf("%d characters, and %d fit", n, most)
	case t.Type == "plain_text" && t.Verbatim != nil, t.Type == "mrkdwn" && t.Emoji != nil:
		return fmt.Errorf("%s has a field of the other type", t.Type)
	case t.Type == "mrkdwn" && (t.Verbatim == nil || !*t.Verbatim):
		return fmt.Errorf("Slack would make links and mentions of what looks like them")
	case t.Type == "plain_text" && strings.ContainsAny(t.Text, "<>"):
		return fmt.Errorf("unescaped: %q", t.Text)
	}
	return slackMarkup(t.Text)
}

var (
	slackLink   = regexp.MustCompile(`<https?://[^<>|]+\|[^<>|]+>`)
	slackEntity = regexp.MustCompile(`&(amp|lt|gt);`)
)

// slackMarkup refuses all of Slack's markup but links with a name.
func slackMarkup(text string) error {
	rest := slackLink.ReplaceAllString(text, "")
	if strings.ContainsAny(slackEntity.ReplaceAllString(rest, ""), "<>&") {
		return fmt.Errorf("unescaped: %q", text)
	}
	return nil
}
