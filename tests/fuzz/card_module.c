/* What the PKCS#11 module of a card's vendor answers csam-card. The input is a tape: whether the person knows of the last try, the PIN, then one answer after the other. */
#include "card/token.c"
#include "fuzz.h"

static struct slice tape;
static int logins;

static unsigned byte(void)
{
	if (tape.n == 0)
		return 0;
	unsigned c = (unsigned char)*tape.p;
	tape = slice_mem(tape.p + 1, tape.n - 1);
	return c;
}

static CK_ULONG number(void)
{
	unsigned low = byte();
	return low | byte() << 8;
}

/* Any length is said, and no more is written than there is room. */
static CK_ULONG fill(void *to, CK_ULONG room)
{
	CK_ULONG n = number(), some = n < room ? n : room;
	if (some > tape.n)
		some = tape.n;
	memcpy(to, tape.p, some);
	tape = slice_mem(tape.p + some, tape.n - some);
	return n == 0xffff ? CK_UNAVAILABLE_INFORMATION : n;
}

static CK_RV answer(void)
{
	static const CK_RV all[] = { CKR_OK, CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE, CKR_FUNCTION_CANCELED, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_TOKEN_NOT_RECOGNIZED, CKR_SESSION_CLOSED, CKR_BUFFER_TOO_SMALL, CKR_USER_ALREADY_LOGGED_IN, CKR_GENERAL_ERROR, (CK_RV)-1 };
	return all[byte() % (sizeof all / sizeof *all)];
}

static CK_RV slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	CK_ULONG room = slots != NULL ? *n : 0;
	(void)present;
	CK_RV rv = answer();
	*n = number();
	for (CK_ULONG i = 0; i < *n && i < room; i++)
		slots[i] = i;
	return rv;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	info->flags = number() | (CK_ULONG)byte() << 16;
	return answer();
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	(void)slot, (void)flags, (void)app, (void)notify;
	*out = byte();
	return answer();
}

static CK_RV session_only(CK_SESSION_HANDLE session)
{
	(void)session;
	return answer();
}

static CK_RV find_begin(CK_SESSION_HANDLE session, CK_ATTRIBUTE *like, CK_ULONG n)
{
	(void)session, (void)like, (void)n;
	return answer();
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
	(void)session, (void)max;
	*out = byte();
	*n = number();
	return answer();
}

static CK_RV attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, CK_ULONG n)
{
	(void)session, (void)object;
	promise(n == 1);
	CK_RV rv = answer();
	a->ulValueLen = fill(a->pValue, a->ulValueLen);
	return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG n)
{
	(void)session;
	logins++;
	promise(who == CKU_USER && (pin == NULL ? n == 0 : n >= PIN_MIN && n <= PIN_MAX && strspn((const char *)pin, "0123456789") == n));
	return answer();
}

static CK_RV sign_begin(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	(void)session, (void)key;
	promise(mechanism->mechanism == CKM_SHA256_RSA_PKCS || mechanism->mechanism == CKM_ECDSA);
	return answer();
}

static CK_RV sign_all(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *nout)
{
	(void)session, (void)data, (void)n;
	CK_RV rv = answer();
	*nout = fill(out, *nout);
	return rv;
}

static CK_FUNCTION_LIST module = {
	.C_GetSlotList = slot_list, .C_GetTokenInfo = token_info, .C_OpenSession = open_session, .C_CloseSession = session_only,
	.C_FindObjectsInit = find_begin, .C_FindObjects = find, .C_FindObjectsFinal = session_only, .C_GetAttributeValue = attribute_value,
	.C_Login = login, .C_SignInit = sign_begin, .C_Sign = sign_all,
};

static bool is_one_of(const char *word, const char *words)
{
	return slice_has_word(slice_of(words), slice_of(word));
}

static void fuzz(struct slice in)
{
	static const char *const pins[] = { "1234", NULL, "", "abcd", "1234567890123" };
	struct tokens found;
	tape = in;
	logins = 0;
	bool last_try = byte() & 1;
	const char *pin = pins[byte() % 5], *word = token_find(&module, &found);
	promise(is_one_of(word, "ready no-reader no-card no-certificate removed pin-wrong pin-locked pin-cancelled pin-form broken"));
	promise(logins == 0 && found.n <= TOKEN_MAX && (strcmp(word, "ready") == 0) == (found.n > 0));
	for (size_t i = 0; i < found.n; i++) {
		const struct token *t = &found.all[i];
		promise(strlen(t->id) == TOKEN_ID && t->label[0] != '\0' && strlen(t->label) <= TOKEN_LABEL_MAX && slice_is_text(slice_of(t->label), ""));
		promise(t->ncert > 0 && t->ncert <= sizeof t->cert && t->nkey_id > 0 && t->nkey_id <= sizeof t->key_id);
	}
	if (found.n == 0)
		return;
	struct token_signature signature = { .alg = NULL };
	const struct token *t = &found.all[0];
	word = token_sign(&module, t, pin, last_try, "CSAM host login 1\n", &signature);
	promise(is_one_of(word, "signed no-certificate removed pin-wrong pin-final pin-locked pin-cancelled pin-form broken"));
	promise(logins <= 1);
	if (t->flags & CKF_USER_PIN_LOCKED || (t->flags & CKF_USER_PIN_FINAL_TRY && !last_try))
		promise(logins == 0);
	if (strcmp(word, "signed") == 0)
		promise(logins == 1 && signature.alg != NULL && signature.n > 0 && signature.n <= sizeof signature.bytes);
}
