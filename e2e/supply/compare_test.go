package supply

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// comparers are the functions that compare a stored secret with a given one, and what each must leave it to: a
// comparison that ends at the first difference tells a clock how much was right.
var comparers = map[string]string{
	"provider/plain.go Authenticate":   "subtle.ConstantTimeCompare",
	"password/weak.go matchSHA1":       "equalSHA1",
	"password/weak.go matchSaltedSHA1": "equalSHA1",
	"password/weak.go equalSHA1":       "subtle.ConstantTimeCompare",
	"password/weak.go matchPlain":      "subtle.ConstantTimeCompare",
	"password/md5crypt.go matchMD5":    "subtle.ConstantTimeCompare",
	"password/bcrypt.go matchBcrypt":   "bcrypt.CompareHashAndPassword",
	"password/parse.go matchBy":        "digest.Match",
}

// secretive are names of what only these functions may hold against each other.
var secretive = []string{"sum", "mac", "digest", "secret", "stored", "given", "password", "token"}

func TestSecretsAreComparedInConstantTime(t *testing.T) {
	files := token.NewFileSet()
	for place, by := range comparers {
		path, name, _ := strings.Cut(place, " ")
		file, err := parser.ParseFile(files, filepath.Join(root, path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		called, wrong := compares(file, name, by)
		if !called {
			t.Errorf("%s does not compare by %s", place, by)
		}
		for _, at := range wrong {
			t.Errorf("%s: %s compares a secret by what ends at the first difference", files.Position(at), name)
		}
	}
}

// compares reports whether the function calls by, and where it compares something secretive otherwise.
func compares(file *ast.File, name, by string) (called bool, wrong []token.Pos) {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != name {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch text(n.Fun) {
				case by:
					called = true
				case "bytes.Equal", "bytes.Compare", "strings.Compare", "strings.EqualFold", "slices.Equal", "reflect.DeepEqual":
					wrong = append(wrong, n.Pos())
				}
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && isSecretive(n.X) && isSecretive(n.Y) {
					wrong = append(wrong, n.Pos())
				}
			}
			return true
		})
	}
	return called, wrong
}

// isSecretive reports whether something of that kind is named in e.
func isSecretive(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			yes = yes || slices.Contains(secretive, id.Name)
		}
		return !yes
	})
	return yes
}

// text is e as the source writes it, where it is names with dots.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	}
	return ""
}

// A format of hashes, or a provider, that compares by itself needs a line in comparers: whoever imports subtle or
// is named match is one.
func TestEveryComparerIsListed(t *testing.T) {
	files := token.NewFileSet()
	for _, room := range []string{"password", "provider", "jwt", "gate", "server"} {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			place, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				subtle, _ := compares(file, f.Name.Name, "subtle.ConstantTimeCompare")
				hashes := room == "password" && strings.HasPrefix(f.Name.Name, "match")
				if _, listed := comparers[place+" "+f.Name.Name]; (subtle || hashes) && !listed {
					t.Errorf("%s %s compares secrets and is not in the table", place, f.Name.Name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
