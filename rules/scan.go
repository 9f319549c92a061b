package rules

import "strings"

// scan cuts an expression into tokens: words and numbers, quoted texts, operators,
// brackets; what stands in braces or square brackets is one token. White space and
// comments vanish.
func scan(text string) []string {
	out := make([]string, 0, len(text)/6)
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
			continue
		case c == '#':
			i += lengthUntil(text[i:], '\n')
			continue
		}
		n := tokenLength(text[i:])
		out = append(out, tighten(text[i:i+n]))
		i += n
	}
	return out
}

func lengthUntil(text string, end byte) int {
	if n := strings.IndexByte(text, end); n >= 0 {
		return n + 1
	}
	return len(text)
}

func tokenLength(text string) int {
	c := text[0]
	switch {
	case c == '"' || c == '\'' || c == '`':
		return quotedLength(text)
	case c == '{':
		return enclosedLength(text, '}')
	case c == '[':
		return enclosedLength(text, ']')
	case wordByte(c):
		return wordLength(text)
	case len(text) > 1 && strings.ContainsRune("=!<>", rune(c)) && (text[1] == '=' || text[1] == '~'):
		return 2
	}
	return 1
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '.' || c >= 0x80
}

// wordLength reads names, numbers and durations; the sign of an exponent belongs to
// its number.
func wordLength(text string) int {
	n := 1
	for n < len(text) {
		c := text[n]
		sign := (c == '+' || c == '-') && (text[n-1] == 'e' || text[n-1] == 'E') && digit(text[0]) && !strings.HasPrefix(text, "0x")
		if !wordByte(c) && !sign {
			break
		}
		n++
	}
	return n
}

func digit(c byte) bool { return c >= '0' && c <= '9' || c == '.' }

func quotedLength(text string) int {
	for n := 1; n < len(text); n++ {
		switch {
		case text[n] == '\\' && text[0] != '`':
			n++
		case text[n] == text[0]:
			return n + 1
		}
	}
	return len(text)
}

func enclosedLength(text string, end byte) int {
	for n := 1; n < len(text); {
		switch c := text[n]; c {
		case end:
			return n + 1
		case '"', '\'', '`':
			n += quotedLength(text[n:])
		default:
			n++
		}
	}
	return len(text)
}

// tighten drops white space inside braces and square brackets.
func tighten(token string) string {
	if token[0] != '{' && token[0] != '[' || !strings.ContainsAny(token, " \n\t\r") {
		return token
	}
	var out strings.Builder
	for i := 0; i < len(token); {
		switch c := token[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '"', '\'', '`':
			n := quotedLength(token[i:])
			out.WriteString(token[i : i+n])
			i += n
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}
