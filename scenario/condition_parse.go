package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/internal/strict"
)

// ParseCondition parses the text of a condition. It checks functions, arity and the form of
// values, but knows no names of hosts, workloads, resources or steps. The error is a
// [*ConditionError].
func ParseCondition(text string) (Condition, error) {
	p := conditionParser{tokens: lex(text), length: len([]rune(text))}
	var c Condition
	for {
		t, err := p.term()
		if err != nil {
			return Condition{}, err
		}
		c.Terms = append(c.Terms, t)
		if p.done() {
			return c, nil
		}
		if tok := p.next(); tok.text != "and" {
			return Condition{}, p.expected(tok, `"and" or the end of the condition`)
		}
	}
}

type token struct {
	text   string
	offset int
}

// lex cuts text into words, operators and single characters that stand for themselves.
func lex(text string) []token {
	var out []token
	rs := []rune(text)
	for i := 0; i < len(rs); {
		start := i
		switch {
		case strings.ContainsRune(" \t\r\n", rs[i]):
			i++
			continue
		case isWord(rs[i]):
			for i < len(rs) && isWord(rs[i]) {
				i++
			}
		case strings.ContainsRune("<>=!", rs[i]):
			for i < len(rs) && strings.ContainsRune("<>=!", rs[i]) {
				i++
			}
		default:
			i++
		}
		out = append(out, token{string(rs[start:i]), start})
	}
	return out
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		r == '_' || r == '.' || r == '-'
}

type conditionParser struct {
	tokens []token
	length int // of the text, the offset of its end
}

func (p *conditionParser) done() bool { return len(p.tokens) == 0 }

// next takes one token; past the end it is empty.
func (p *conditionParser) next() token {
	if p.done() {
		return token{"", p.length}
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *conditionParser) peek() string {
	if p.done() {
		return ""
	}
	return p.tokens[0].text
}

func (p *conditionParser) expected(t token, what string) error {
	found := strict.Quote(t.text)
	if t.text == "" {
		found = "the end of the condition"
	}
	return &ConditionError{t.offset, fmt.Sprintf("expected %s, found %s", what, found)}
}

func (p *conditionParser) term() (Term, error) {
	name := p.next()
	fn := findFunction(name.text)
	if fn == nil {
		names := functionNames()
		if name.text == "" || !isWord([]rune(name.text)[0]) {
			return Term{}, p.expected(name, "a function: "+strings.Join(names, ", "))
		}
		hint := strict.DidYouMean(name.text, names)
		if hint == "" {
			hint = "; there are " + strings.Join(names, ", ")
		}
		return Term{}, &ConditionError{name.offset,
			fmt.Sprintf("unknown function %s%s", strict.Quote(name.text), hint)}
	}
	t := Term{Fn: fn.name}
	if tok := p.next(); tok.text != "(" {
		return Term{}, p.expected(tok, fmt.Sprintf("( after %s", fn.name))
	}
	for i, what := range fn.args {
		if i > 0 {
			if tok := p.next(); tok.text != "," {
				return Term{}, p.expected(tok, "a comma in "+fn.usage())
			}
		}
		arg := p.next()
		if !patterns["name"].Form.MatchString(arg.text) {
			return Term{}, p.expected(arg, fmt.Sprintf("the name of a %s in %s", what, fn.usage()))
		}
		t.Args = append(t.Args, arg.text)
	}
	if tok := p.next(); tok.text != ")" {
		return Term{}, p.expected(tok, ") of "+fn.usage())
	}
	return p.comparison(t, fn)
}

var operators = []string{"==", "!=", "<", "<=", ">", ">="}

// comparison reads the operator and the right side that fn demands.
func (p *conditionParser) comparison(t Term, fn *function) (Term, error) {
	if fn.result == boolResult {
		if op := p.peek(); op != "" && strings.Contains("<>=!", op[:1]) {
			tok := p.next()
			return Term{}, &ConditionError{tok.offset, fmt.Sprintf(
				"%s is true or false and is not compared, found %s", fn.usage(), strict.Quote(tok.text))}
		}
		return t, nil
	}
	op := p.next()
	allowed := operators
	if fn.result == hostResult {
		allowed = operators[:2]
	}
	if !slices.Contains(allowed, op.text) {
		return Term{}, p.expected(op, fmt.Sprintf("one of %s after %s",
			strings.Join(allowed, " "), fn.usage()))
	}
	t.Op = op.text
	val := p.next()
	ok, what := true, ""
	switch fn.result {
	case countResult:
		what = "a whole number"
		n, err := strconv.ParseUint(val.text, 10, 63)
		t.Int, ok = int64(n), err == nil
	case bytesResult:
		what = `a size such as "64KiB" or a number of bytes`
		t.Int, ok = sizeOf(val.text)
	case timeResult:
		what = `a duration such as "5s"`
		var d Duration
		ok = d.UnmarshalText([]byte(val.text)) == nil && d >= 0
		t.Int = int64(d)
	case hostResult:
		what = "the name of a host"
		t.Name, ok = val.text, patterns["name"].Form.MatchString(val.text)
	}
	if !ok {
		return Term{}, p.expected(val, what)
	}
	return t, nil
}

func sizeOf(s string) (int64, bool) {
	if n, err := strconv.ParseUint(s, 10, 63); err == nil {
		return int64(n), true
	}
	var b Bytes
	err := b.UnmarshalText([]byte(s))
	return int64(b), err == nil
}
