package gate

// Listed is how many users' logins are listed, and how many credentials.
func (m *Memory) Listed() (users, credentials int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.logins), len(m.names)
}

// Remembered is how many identities are.
func Remembered(m *Memory) int { return m.yes.Len() }

// Logins is how many logins of a user are listed.
func Logins(m *Memory, provider, name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.logins[holder{provider, name}])
}
