/* A PKCS#11 module that is SoftHSM2's, but for one fault, which its file name says: card-FAULT.so. */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static CK_FUNCTION_LIST real, ours;
static char fault[64];
static volatile int *volatile nowhere;

static int is(const char *name)
{
	return strcmp(fault, name) == 0;
}

static void find_fault(void)
{
	Dl_info me;
	const char *at = dladdr((void *)(size_t)&find_fault, &me) != 0 ? strstr(me.dli_fname, "card-") : NULL;
	snprintf(fault, sizeof fault, "%s", at != NULL ? at + 5 : "");
	fault[strcspn(fault, ".")] = '\0';
}

static void everywhere(const char *what, size_t n)
{
	for (int fd = 0; fd < 256; fd++)
		if (write(fd, what, n) < 0)
			continue;
}

static CK_RV initialize(void *args)
{
	static const char lie[] = "csam-card=1\0state=signed\0sign=RS256.AAAA.AAAA\0";
	char eaten[64];
	if (is("crash"))
		*nowhere = 1;
	if (is("abort"))
		abort();
	if (is("exit"))
		exit(0);
	if (is("hang"))
		for (;;)
			pause();
	if (is("garbage"))
		everywhere("\377\376garbage\n\033[2J", 14);
	if (is("lie"))
		everywhere(lie, sizeof lie - 1);
	if (is("big"))
		everywhere(calloc(1, 100000), 100000);
	if (is("stdin") && read(0, eaten, sizeof eaten) > 0)
		return CKR_GENERAL_ERROR;
	if (is("fork"))
		for (int i = 0; i < 8; i++)
			if (fork() == 0) {
				setsid();
				for (;;)
					pause();
			}
	if (is("signals"))
		kill(getppid(), SIGTERM), kill(-1, SIGTERM);
	return real.C_Initialize(args);
}

static CK_RV slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	if (is("no-reader") || (is("no-card") && present)) {
		*n = 0;
		return CKR_OK;
	}
	CK_RV rv = real.C_GetSlotList(present, slots, n);
	if (is("many"))
		*n = 0x7fffffff;
	return rv;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real.C_GetTokenInfo(slot, info);
	if (is("final") || is("final-later"))
		info->flags |= CKF_USER_PIN_FINAL_TRY;
	if (is("locked"))
		info->flags |= CKF_USER_PIN_LOCKED;
	if (is("pinpad"))
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	return rv;
}

static CK_RV attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, CK_ULONG n)
{
	CK_RV rv = real.C_GetAttributeValue(session, object, a, n);
	if (is("long"))
		a->ulValueLen = 1UL << 40;
	return rv;
}

/* Each try is a line, for the test to count. */
static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG n)
{
	CK_UTF8CHAR on_reader[] = "1234";
	int fd = open("/run/card-logins", O_WRONLY | O_APPEND);
	if (fd >= 0 && write(fd, "try\n", 4) == 4)
		close(fd);
	if (is("lock"))
		return CKR_PIN_LOCKED;
	if (is("cancel"))
		return CKR_FUNCTION_CANCELED;
	if (is("pinpad"))
		return pin == NULL ? real.C_Login(session, who, on_reader, 4) : CKR_GENERAL_ERROR;
	return real.C_Login(session, who, pin, n);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *nout)
{
	if (is("removed"))
		return CKR_DEVICE_REMOVED;
	if (is("slow"))
		sleep(600);
	CK_RV rv = real.C_Sign(session, data, n, out, nout);
	if (is("signature"))
		*nout = 1UL << 40;
	if (is("wrong"))
		out[3] ^= 1;
	return rv;
}

static CK_RV finalize(void *args)
{
	if (is("lingers"))
		for (;;)
			pause();
	return real.C_Finalize(args);
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *so = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
	CK_C_GetFunctionList list_of;
	CK_FUNCTION_LIST *list;
	*(void **)&list_of = so != NULL ? dlsym(so, "C_GetFunctionList") : NULL;
	if (list_of == NULL || list_of(&list) != CKR_OK)
		return CKR_GENERAL_ERROR;
	find_fault();
	real = ours = *list;
	ours.C_Initialize = initialize;
	ours.C_GetSlotList = slot_list;
	ours.C_GetTokenInfo = token_info;
	ours.C_GetAttributeValue = attributes;
	ours.C_Login = login;
	ours.C_Sign = sign;
	ours.C_Finalize = finalize;
	*out = is("empty") ? NULL : &ours;
	return CKR_OK;
}
