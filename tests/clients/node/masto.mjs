// masto: log in with a token, look, post, reply, react, be told of it, live.

import { createOAuthAPIClient, createRestAPIClient, createStreamingAPIClient, MastoHttpError } from 'masto'
import WebSocket from 'ws'

import { ANN, BEN, SERVER, assert, until, used } from './journey.mjs'

const ann = createRestAPIClient({ url: SERVER, accessToken: ANN })
const ben = createRestAPIClient({ url: SERVER, accessToken: BEN })

const instance = await used('v2.instance.fetch', ann.v2.instance.fetch())
assert.match(instance.version, /^4\.\d+\.\d+ /)
assert.equal((await used('v1.instance.fetch', ann.v1.instance.fetch())).uri, instance.domain)
assert.ok((await used('v1.preferences.fetch', ann.v1.preferences.fetch()))['posting:default:visibility'])
assert.deepEqual(await used('v1.customEmojis.list', ann.v1.customEmojis.list()), [])
assert.deepEqual(await used('v2.filters.list', ann.v2.filters.list()), [])

const application = await used(
  'v1.apps.create',
  ann.v1.apps.create({ clientName: 'masto', redirectUris: 'urn:ietf:wg:oauth:2.0:oob', scopes: 'read' }),
)
const token = await used(
  'oauth.token.create',
  createOAuthAPIClient({ url: SERVER }).token.create({
    grantType: 'client_credentials',
    clientId: application.clientId,
    clientSecret: application.clientSecret,
    redirectUri: 'urn:ietf:wg:oauth:2.0:oob',
    scope: 'read',
  }),
)
assert.equal(token.tokenType, 'Bearer')

const her = await used('v1.accounts.verifyCredentials', ann.v1.accounts.verifyCredentials())
const him = await ben.v1.accounts.verifyCredentials()
assert.equal((await used('v1.accounts.lookup', ann.v1.accounts.lookup({ acct: him.acct }))).id, him.id)
const relation = await used('v1.accounts.follow', ben.v1.accounts.$select(her.id).follow({ reblogs: true }))
assert.equal(relation.following, true)
const [known] = await used('v1.accounts.relationships.fetch', ben.v1.accounts.relationships.fetch({ id: [her.id] }))
assert.equal(known.following, true)

const streams = createStreamingAPIClient({
  streamingApiUrl: instance.configuration.urls.streaming,
  accessToken: ANN,
  implementation: WebSocket,
})
const heard = []
const user = streams.user.subscribe()
const listening = (async () => {
  for await (const event of user) heard.push(event)
})()

// Nothing tells when the server has begun to listen for a stream, so she posts until she hears of it.
await used(
  'streaming.user.subscribe update',
  until(async () => {
    await ann.v1.statuses.create({ status: 'Does anybody hear me?', visibility: 'public' })
    return heard.find((event) => event.event === 'update')
  }),
)

const post = await used(
  'v1.statuses.create',
  ann.v1.statuses.create({ status: 'Hello #masto', visibility: 'public', spoilerText: 'a greeting', language: 'en' }),
)
assert.equal(post.spoilerText, 'a greeting')
const home = await used('v1.timelines.home.list', ben.v1.timelines.home.list({ limit: 5 }))
assert.equal(home[0].id, post.id)
const reply = await ben.v1.statuses.create({ status: `@${her.acct} Hello`, inReplyToId: post.id })
const context = await used('v1.statuses.context.fetch', ann.v1.statuses.$select(post.id).context.fetch())
assert.deepEqual(context.descendants.map((one) => one.id), [reply.id])
assert.equal((await used('v1.statuses.favourite', ben.v1.statuses.$select(post.id).favourite())).favourited, true)
assert.equal((await used('v1.statuses.reblog', ben.v1.statuses.$select(post.id).reblog())).reblog.id, post.id)
assert.equal((await used('v1.statuses.bookmark', ben.v1.statuses.$select(post.id).bookmark())).bookmarked, true)
const edited = await used('v1.statuses.update', ann.v1.statuses.$select(post.id).update({ status: 'Hello again' }))
assert.ok(edited.editedAt)

const kinds = ['favourite', 'follow', 'mention', 'reblog']
const told = await used(
  'v1.notifications.list',
  until(async () => {
    const all = await ann.v1.notifications.list()
    return all.length === kinds.length && all
  }),
)
assert.deepEqual(told.map((one) => one.type).sort(), kinds)
await used(
  'streaming.user.subscribe notification',
  until(() => heard.some((event) => event.event === 'notification' && event.payload.type === 'favourite')),
)
const pages = []
for await (const page of ben.v1.timelines.home.list({ limit: 1 })) pages.push(page[0].id)
assert.ok(pages.length >= 2 && pages.includes(post.id), 'follows the Link header')
console.log('v1.timelines.home.list pages')

assert.equal((await used('v1.statuses.remove', ben.v1.statuses.$select(reply.id).remove())).id, reply.id)
await assert.rejects(ann.v1.statuses.$select(reply.id).fetch(), (error) => {
  return error instanceof MastoHttpError && error.statusCode === 404 && error.message === 'Record not found'
})
console.log('errors')

user.unsubscribe()
streams.close()
await listening
