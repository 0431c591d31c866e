package gen

import "fmt"

const (
	allowRule  = "staff-read-and-write"
	denyRule   = "no-salaries"
	configHash = "9f2c4e1ab7d0835566e0c1f4a2b39d7780cc15de42fa6b9103847ad5e6f29c01"
	policyHash = "41d7a0c98be25f36104e7bb2d9f6c3850a1e94d72c6f5b38e0917d4ac8b6f352"
)

// target is a database that sessions go to.
type target struct{ name, database, peer string }

var targets = func() (all []target) {
	for i, name := range []string{"orders", "billing", "stock", "shipping", "crm", "ledger", "returns", "search", "hr", "audit", "web", "reports"} {
		all = append(all, target{name, name + "_db", fmt.Sprintf("10.9.0.%d:5432", 10+i)})
	}
	return all
}()

var (
	users    = names("alice bob carol dave erin frank grace heidi ivan judy karl lena mallory nina oscar peggy quinn ruth sybil trent", 10)
	services = names("checkout invoicing picker tracker mailer importer exporter pricing", 3)
	apps     = []string{"psql", "DBeaver 24.2.1", "DataGrip 2024.3", "pgAdmin 4 - CONN:48213"}

	first  = words("Noor Emma Lars Mila Jonas Sofia Finn Ines Hugo Anna Tess Milan Saar Levi Yara Daan")
	family = words("deVries Jansen Bakker Visser Smit Meyer Novak Rossi Silva Dubois Larsen Kowalski Weber Moreau")
	cities = words("Delft Utrecht Gent Lyon Porto Graz Turku Malmo Leiden Brno Split Varna Cork Turin")
	states = words("new paid packed shipped delivered returned cancelled held")
	nouns  = words("lamp chair table desk shelf rug mirror clock vase frame kettle pan bowl plate mug glass towel pillow blanket curtain")
	traits = words("red blue green oak walnut steel large small round square folding heavy light modern classic outdoor")
	notes  = words("call before delivery customer asked gift wrapping leave with neighbour fragile second attempt address corrected refund promised by support voucher applied price match approved manager")
)

// failures are what servers say most.
var failures = []struct{ code, message string }{
	{"23505", `duplicate key value violates unique constraint "orders_pkey": Key (id)=(%d) already exists.`},
	{"23503", `insert or update on table "order_lines" violates foreign key constraint "order_lines_order_id_fkey": Key (order_id)=(%d) is not present in table "orders".`},
	{"42P01", `relation "tmp_%d" does not exist`},
	{"42703", `column "legacy_%d" does not exist`},
	{"57014", `canceling statement due to statement timeout (%d)`},
	{"40P01", `deadlock detected: process %d waits for ShareLock`},
}

func words(list string) (all []string) {
	start := 0
	for i := range len(list) + 1 {
		if i == len(list) || list[i] == ' ' {
			all = append(all, list[start:i])
			start = i + 1
		}
	}
	return all
}

// names makes n of each word: alice, alice2, alice3.
func names(list string, n int) (all []string) {
	for i := range n {
		for _, w := range words(list) {
			if i > 0 {
				w = fmt.Sprint(w, i+1)
			}
			all = append(all, w)
		}
	}
	return all
}
