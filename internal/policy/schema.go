package policy

import (
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	astx "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	schemavalidate "github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// Connect is the action of opening a session.
const Connect = "connect"

// contextSchema is every attribute of every request's context; contextOf makes it.
const contextSchema = `{
	account: String,
	database: String,
	client: ipaddr,
	tables: Set<String>,
	columns: Set<String>,
	functions: Set<String>,
	actions: Set<String>,
	statements: Long,
	has_where: Bool,
	understood: Bool,
	told: Bool,
	catalog: Bool,
	command: String,
	programs: Set<String>,
	words: Set<String>,
	path: String,
	within: Set<String>,
	now: datetime,
	hour: Long,
	weekday: Long,
}`

// timeAttributes are those of the context that change by themselves.
var timeAttributes = []string{"now", "hour", "weekday"}

// groups are the action groups and what they are in.
var groups = []string{
	sqltext.GroupRead, sqltext.GroupWrite, sqltext.GroupDDL, sqltext.GroupMaintain, sqltext.GroupSession,
	sqltext.GroupAdmin, sqltext.GroupOpaque, GroupRun, GroupFiles,
}

// Schema is the Cedar schema that rules are checked against, for editors and other tools.
func Schema() string {
	var b strings.Builder
	b.WriteString("entity Group;\nentity User in [Group] { name: String };\nentity Target { name: String, protocol: String };\n")
	fmt.Fprintf(&b, "type Asked = %s;\n", contextSchema)
	b.WriteString("action any;\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "action %q in [any];\n", g)
	}
	const applies = "appliesTo { principal: User, resource: Target, context: Asked };\n"
	for _, a := range Actions {
		if a.Group != "" {
			fmt.Fprintf(&b, "action %q in [%q] %s", a.Name, a.Group, applies)
		} else {
			fmt.Fprintf(&b, "action %q %s", a.Name, applies)
		}
	}
	return b.String()
}

// validator checks rules by the schema, strictly.
var validator = func() *schemavalidate.Validator {
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(Schema())); err != nil {
		panic("policy schema: " + err.Error()) // a test loads it
	}
	resolved, err := s.Resolve()
	if err != nil {
		panic("policy schema: " + err.Error())
	}
	return schemavalidate.New(resolved)
}()

func validate(id string, p *cedar.Policy) error {
	return validator.Policy(id, (*astx.Policy)(p.AST()))
}

// plainly cuts the validator's answer, one line for each action that a mistake is in, to its first mistake.
func plainly(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if _, after, ok := strings.Cut(text, "`, "); ok && strings.HasPrefix(text, "for policy") {
		text = after
	}
	what, ok := strings.CutSuffix(text, " not found")
	if at := strings.Index(what, " in context for Action"); ok && at >= 0 {
		return what[:at] + " is not in the context; there are " + strings.Join(attributes(), ", ")
	}
	if strings.HasPrefix(text, "unrecognized action") {
		return text + "; `gatefold check --actions` lists them"
	}
	return text
}

// attributes lists the names in contextSchema.
func attributes() []string {
	var names []string
	for line := range strings.Lines(contextSchema) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			names = append(names, name)
		}
	}
	return names
}
