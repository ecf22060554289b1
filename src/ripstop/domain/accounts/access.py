"""The only ways to an account that somebody named."""

from ripstop.domain.accounts.model import ACCOUNT, APPLICATION, Account, Application, account_name
from ripstop.kernel.errors import Gone, NotFound, Unauthenticated
from ripstop.machinery.graph import Entry, Graph


async def access_account(graph: Graph, id_: int) -> Entry[Account]:
    """The account with this id, be it suspended.

    :raises NotFound: there is none, or it waits to be let in.
    """
    account = await graph.get(ACCOUNT, id_)
    if account is None or account.value.pending:
        raise NotFound("Record not found")
    return account


async def access_any_account(graph: Graph, id_: int) -> Entry[Account]:
    """The account with this id, for the staff: be it suspended, or waiting to be let in.

    :raises NotFound: there is none.
    """
    account = await graph.get(ACCOUNT, id_)
    if account is None:
        raise NotFound("Record not found")
    return account


async def access_named_account(graph: Graph, handle: str, *, local_domain: str) -> Entry[Account]:
    """The account that goes by `alice`, `@alice` or `alice@domain`, be it suspended. Two engine calls if it is not
    cached.

    :raises NotFound: nobody does, as far as this server knows, or who does waits to be let in.
    :raises Gone: somebody did, whose account is deleted.
    """
    account = await access_any_named_account(graph, handle, local_domain=local_domain)
    if account.value.pending:
        raise NotFound("Record not found")
    return account


async def access_any_named_account(graph: Graph, handle: str, *, local_domain: str) -> Entry[Account]:
    """The same for the staff: be it suspended, or waiting to be let in.

    :raises NotFound: nobody goes by this name, as far as this server knows.
    :raises Gone: somebody did, whose account is deleted.
    """
    username, _, domain = handle.strip().removeprefix("@").partition("@")
    if not username or len(handle) > 1_000:
        raise NotFound("Record not found")
    name = account_name(username, "" if domain.lower() == local_domain.lower() else domain)
    id_ = (await graph.names((name,))).get(name)
    if id_ is None:
        raise NotFound("Record not found")
    account = await graph.get(ACCOUNT, id_)
    if account is None:
        raise Gone("This account was deleted")
    return account


async def access_own_account(graph: Graph, id_: int) -> Entry[Account]:
    """The account that a token stands for.

    :raises Unauthenticated: it is gone or shut out, and its tokens have ended with that.
    """
    account = await graph.get(ACCOUNT, id_)
    if account is None or account.value.is_shut_out:
        raise Unauthenticated("The access token is invalid")
    return account


async def access_application(graph: Graph, id_: int) -> Entry[Application]:
    """The application that a token was made for.

    :raises Unauthenticated: it is gone, and its tokens with it.
    """
    application = await graph.get(APPLICATION, id_)
    if application is None:
        raise Unauthenticated("The access token is invalid")
    return application
