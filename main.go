// Command gatehouse decides, beside nginx, who a request is.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/jwt"
	"gatehouse/password"
)

// release is set by the linker in a release build.
var release = ""

// version is the release, or what the build says of its source.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// commands is the command line.
type commands struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Config string `short:"c" placeholder:"FILE" help:"The configuration. Default: $$GATEHOUSE_CONFIG, $$AOT_CONFIG_PATH, ./config.yaml."`

	Serve       serveCommand   `cmd:"" default:"withargs" help:"Answer requests (the default)."`
	Check       checkCommand   `cmd:"" help:"Check the configuration and the password files; touch no network. Of auth-o-tron's configuration it tells what becomes of it."`
	Hash        hashCommand    `cmd:"" help:"Make a line of a password file from a password."`
	Key         keyCommand     `cmd:"" help:"Make and list the keys that sign tokens."`
	Schema      schemaCommand  `cmd:"" help:"Print the JSON Schema of config.yaml."`
	Health      healthCommand  `cmd:"" help:"Ask the running gateway whether it answers."`
	CheckEcflow ecflowCommand  `cmd:"" name:"check-ecflow" help:"Say what ecflow_client does with an .ecflowapirc for a server."`
	Version     versionCommand `cmd:"" help:"Print the version."`
}

// A process is what a command may use of its surroundings.
type process struct {
	in       *os.File
	out, err io.Writer
	environ  []string
	config   string // path
}

// exitCode is an error whose text has been shown already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	os.Exit(run(os.Args[1:], &process{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}))
}

// run runs one command line and returns its exit code: 0, 1 for a failure, 2 for a wrong command line.
func run(args []string, p *process) int {
	var c commands
	done := false
	parser, err := kong.New(&c, kong.Name("gatehouse"), kong.Description("An authentication gateway for nginx's auth_request."),
		kong.Writers(p.out, p.err), kong.Vars{"hashKinds": strings.Join(password.Kinds(), ","), "keyKinds": strings.Join(jwt.KeyKinds(), ","), "version": "gatehouse " + version()},
		kong.Exit(func(int) { done = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(p.err, "gatehouse:", err)
		return 1
	}
	if slices.Contains(args, "--schema") { // anywhere, as on auth-o-tron's command line
		args = []string{"schema"}
	}
	chosen, err := parser.Parse(args)
	if done { // --help was shown
		return 0
	}
	if err != nil {
		fmt.Fprintf(p.err, "gatehouse: %v (gatehouse --help shows the commands)\n", err)
		return 2
	}
	p.config = configPath(c.Config, lookup(p.environ))
	err = chosen.Run(p)
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	if err != nil {
		fmt.Fprintln(p.err, "gatehouse:", err)
		return 1
	}
	return 0
}

func configPath(flag string, getenv func(string) string) string {
	for _, path := range []string{flag, getenv("GATEHOUSE_CONFIG")} {
		if path != "" {
			return path
		}
	}
	if path := getenv("AOT_CONFIG_PATH"); path != "" {
		return cmp.Or(upwards(path), path)
	}
	return "config.yaml"
}

// upwards is where auth-o-tron finds a file that is not there: in the nearest folder above that has it. It is "" for
// one that is there, or nowhere, or named from the root.
func upwards(path string) string {
	folder, err := os.Getwd()
	if err != nil || isFile(path) || filepath.IsAbs(path) {
		return ""
	}
	for folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		if found := filepath.Join(folder, path); isFile(found) {
			return found
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *process) error {
	_, err := fmt.Fprintln(p.out, "gatehouse", version())
	return err
}
