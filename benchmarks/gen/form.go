package gen

import (
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// form is a statement without its literals. {id} and kin in it are drawn anew each time.
type form struct {
	parts   []string // text, kind of literal, text, ...
	tag     string   // of its Result, before the number of rows
	most    int      // rows at most
	digest  uint64
	actions []string
	tables  []string
	columns []string
}

var forms = compile(
	`SELECT id, status, total FROM orders WHERE id = {id} | select | orders | id status total | 1`,
	`SELECT o.id, o.status, o.total, c.name, c.city FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.customer_id = {id} AND o.created_at >= {time} ORDER BY o.created_at DESC LIMIT 50 | select | orders customers | id status total name city customer_id created_at | 50`,
	`SELECT id, name, email, city FROM customers WHERE email = {email} AND deleted_at IS NULL | select | customers | id name email city deleted_at | 1`,
	`SELECT l.sku, l.quantity, l.price, p.title, p.weight FROM order_lines l JOIN products p ON p.sku = l.sku WHERE l.order_id = {id} ORDER BY l.position | select | order_lines products | sku quantity price title weight order_id position | 12`,
	`SELECT count(*) FROM events WHERE kind = {state} AND at BETWEEN {time} AND {time} | select | events | kind at | 1`,
	`INSERT INTO orders (id, customer_id, status, total, currency, created_at, note) VALUES ({id}, {id}, {state}, {amount}, 'EUR', {time}, {note}) | insert | orders | id customer_id status total currency created_at note | 1`,
	`INSERT INTO order_lines (order_id, position, sku, quantity, price) VALUES ({id}, {small}, {sku}, {small}, {amount}), ({id}, {small}, {sku}, {small}, {amount}) RETURNING id | insert | order_lines | order_id position sku quantity price id | 2`,
	`UPDATE customers SET name = {name}, email = {email}, city = {city}, updated_at = {time}, note = {note} WHERE id = {id} | update | customers | name email city updated_at note id | 1`,
	`UPDATE stock SET on_hand = on_hand - {small}, reserved = reserved + {small}, touched_by = {uuid} WHERE sku = {sku} AND warehouse = {small} | update | stock | on_hand reserved touched_by sku warehouse | 1`,
	`UPDATE orders SET status = {state}, shipped_at = {time}, tracking = {uuid} WHERE id = {id} AND status <> 'cancelled' RETURNING id, customer_id, total | update | orders | status shipped_at tracking id customer_id total | 1`,
	`DELETE FROM carts WHERE session = {uuid} AND updated_at < {time} | delete | carts | session updated_at | 3`,
	`SELECT p.sku, p.title, p.price, s.on_hand FROM products p LEFT JOIN stock s USING (sku) WHERE p.title ILIKE {like} AND p.price BETWEEN {amount} AND {amount} AND s.warehouse = {small} ORDER BY p.price LIMIT 100 OFFSET {small} | select | products stock | sku title price on_hand warehouse | 100`,
	`INSERT INTO events (id, kind, subject, at, payload) VALUES ({uuid}, {state}, {id}, {time}, {json}) | insert | events | id kind subject at payload | 1`,
	`SELECT date_trunc('day', created_at) AS day, sum(total) AS revenue, count(*) AS orders FROM orders WHERE created_at >= {time} AND created_at < {time} AND status IN ({state}, {state}) GROUP BY 1 ORDER BY 1 -- {note} | select | orders | created_at total status | 31`,
	`INSERT INTO messages (id, customer_id, subject, body, sent_at) VALUES ({uuid}, {id}, {note}, {body}, {time}) | insert | messages | id customer_id subject body sent_at | 1`,
	`SELECT c.id, c.name, max(o.created_at) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE c.city = {city} AND c.id > {id} GROUP BY c.id, c.name HAVING count(o.id) >= {small} ORDER BY 3 DESC NULLS LAST LIMIT 200 | select | customers orders | id name created_at customer_id city | 200`,
)

// secret is what policy refuses.
var secret = compile(`SELECT name, amount FROM salaries WHERE name = {name} AND year >= {small} | select | salaries | name amount year | 0`)[0]

func compile(lines ...string) []form {
	var all []form
	for _, line := range lines {
		col := strings.Split(line, " | ")
		f := form{actions: words(col[1]), tables: words(col[2]), columns: words(col[3])}
		f.most, _ = strconv.Atoi(col[4])
		f.tag = strings.ToUpper(col[1]) + " "
		if col[1] == "insert" {
			f.tag += "0 "
		}
		h := fnv.New64a()
		h.Write([]byte(col[0]))
		f.digest = h.Sum64()
		for text := col[0]; ; {
			before, rest, found := strings.Cut(text, "{")
			f.parts = append(f.parts, before)
			if !found {
				break
			}
			kind, after, _ := strings.Cut(rest, "}")
			f.parts = append(f.parts, kind)
			text = after
		}
		all = append(all, f)
	}
	return all
}

func (f *form) describe(r *record.Record) {
	r.Digest, r.Actions, r.Tables, r.Columns = f.digest, f.actions, f.tables, f.columns
}

func (f *form) rows(g *Generator) uint64 { return uint64(g.skewed(f.most + 1)) }

// appendText writes the statement with literals.
func (f *form) appendText(g *Generator, b []byte) []byte {
	for i, part := range f.parts {
		switch {
		case i%2 == 0:
			b = append(b, part...)
		case part == "id" || part == "small" || part == "amount":
			b = g.literal(b, part)
		case strings.HasSuffix(f.parts[i-1], "-- "): // a comment
			b = g.literal(b, part)
		default:
			b = append(g.literal(append(b, '\''), part), '\'')
		}
	}
	return b
}

// appendPrepared writes it with $1, $2 in their place.
func (f *form) appendPrepared(b []byte) []byte {
	for i, part := range f.parts {
		if i%2 == 0 {
			b = append(b, part...)
		} else {
			b = strconv.AppendInt(append(b, '$'), int64(i/2+1), 10)
		}
	}
	return b
}

// params draws the values of a Bind.
func (f *form) params(g *Generator) []record.Param {
	all := make([]record.Param, 0, len(f.parts)/2)
	for i := 1; i < len(f.parts); i += 2 {
		at := len(g.buf)
		g.buf = g.literal(g.buf, f.parts[i])
		all = append(all, record.Param{Type: oids[f.parts[i]], Value: g.buf[at:len(g.buf):len(g.buf)]})
	}
	return all
}

// oids are the parameters' types, see pg_type.dat; 25, text, for the rest.
var oids = map[string]uint32{"id": 20, "small": 23, "amount": 1700, "time": 1184, "uuid": 2950, "json": 3802,
	"email": 25, "name": 25, "city": 25, "state": 25, "note": 25, "sku": 25, "like": 25, "body": 25}

// literal draws a value of a kind.
func (g *Generator) literal(b []byte, kind string) []byte {
	pick := func(list []string) string { return list[g.rng.IntN(len(list))] }
	switch kind {
	case "id":
		return strconv.AppendInt(b, int64(g.spread(1000, 50_000_000)), 10)
	case "small":
		return strconv.AppendInt(b, int64(1+g.rng.IntN(60)), 10)
	case "amount":
		return strconv.AppendFloat(b, float64(g.spread(100, 500_000))/100, 'f', 2, 64)
	case "time":
		back := time.Duration(g.spread(1, 90*24*3600)) * time.Second
		return time.Unix(0, g.now).UTC().Add(-back).AppendFormat(b, "2006-01-02 15:04:05")
	case "uuid":
		id := g.id()
		return hex.AppendEncode(b, id[8:])
	case "email":
		b = append(append(b, pick(first)...), '.')
		b = strconv.AppendInt(append(b, pick(family)...), int64(g.rng.IntN(4000)), 10)
		return append(b, "@example.com"...)
	case "name":
		return append(append(append(b, pick(first)...), ' '), pick(family)...)
	case "city":
		return append(b, pick(cities)...)
	case "state":
		return append(b, pick(states)...)
	case "sku":
		return strconv.AppendInt(append(b, "SKU-"...), int64(g.spread(10_000, 99_999)), 10)
	case "like":
		return append(append(append(append(append(b, '%'), pick(traits)...), ' '), pick(nouns)...), '%')
	case "json":
		b = append(append(append(b, `{"city":"`...), pick(cities)...), `","item":"`...)
		b = append(append(append(append(b, pick(traits)...), ' '), pick(nouns)...), `","order":`...)
		return append(g.literal(b, "id"), '}')
	case "body":
		return g.prose(b, 18+g.rng.IntN(16))
	}
	return g.prose(b, 3+g.rng.IntN(6)) // note
}

func (g *Generator) prose(b []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, notes[g.rng.IntN(len(notes))]...)
	}
	return b
}
