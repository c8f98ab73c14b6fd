/* The supervisor: starts the keyring and the front, and starts them again when they end. */
int main(void)
{
	return 0;
}
