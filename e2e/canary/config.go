package canary

import (
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// secretKeys are the keys of config.yaml whose values nobody may see, addresses those whose userinfo and query
// nobody may.
var (
	secretKeys = []string{"password", "password_hash", "secret", "pepper", "token", "key"}
	addresses  = []string{"url", "uri", "proxy"}
)

// InConfig returns the secrets of a config.yaml, and of the files beside it, by name: the whole of one that a
// …_file key names, and the hashes of a password file. Texts that are no YAML have none.
func InConfig(config string, files map[string]string) []string {
	var root yaml.Node
	if yaml.Unmarshal([]byte(config), &root) != nil {
		return nil
	}
	var found []string
	walk(&root, func(key, value string) {
		own, twin := strings.CutSuffix(key, "_file")
		switch {
		case slices.Contains(secretKeys, key):
			found = append(found, value)
		case twin && slices.Contains(secretKeys, own):
			found = append(found, strings.TrimSuffix(files[value], "\n"))
		case slices.Contains(addresses, key):
			found = append(found, inAddress(value)...)
		case key == "file":
			for line := range strings.Lines(files[value]) {
				_, hash, _ := strings.Cut(strings.TrimSpace(line), ":")
				found = append(found, hash)
			}
		}
	})
	return slices.DeleteFunc(found, func(s string) bool { return s == "" })
}

// walk calls each for every key with a scalar in a tree.
func walk(n *yaml.Node, each func(key, value string)) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && child.Kind == yaml.ScalarNode {
			each(n.Content[i-1].Value, child.Value)
		}
		walk(child, each)
	}
}

func inAddress(text string) (found []string) {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	if password, ok := u.User.Password(); ok {
		found = append(found, password)
	}
	for _, values := range u.Query() {
		found = append(found, values...)
	}
	return found
}

// Level is the level that config logs at, "" if it does not say.
func Level(config string) string {
	var c struct {
		Logging struct {
			Level string `yaml:"level"`
		} `yaml:"logging"`
	}
	if yaml.Unmarshal([]byte(config), &c) != nil {
		return ""
	}
	return c.Logging.Level
}
