// megalodon: log in with a token, look, post, reply, react, be told of it, live.

import megalodon from 'megalodon'

import { ANN, BEN, SERVER, assert, until, used } from './journey.mjs'

const { default: generator, detector } = megalodon

assert.equal(await used('detector', detector(SERVER).catch((error) => error.name)), 'NodeinfoError')
const ann = generator('mastodon', SERVER, ANN)
const ben = generator('mastodon', SERVER, BEN)

const instance = (await used('getInstance', ann.getInstance())).data
assert.ok(instance.urls.streaming_api.startsWith('ws'))
const application = await used('registerApp', ann.registerApp('megalodon', { scopes: ['read', 'write'] }))
assert.match(application.url, /\/oauth\/authorize\?/)

const her = (await used('verifyAccountCredentials', ann.verifyAccountCredentials())).data
assert.equal((await used('getPreferences', ann.getPreferences())).status, 200)
assert.equal((await used('followAccount', ben.followAccount(her.id))).data.following, true)
const [relation] = (await used('getRelationships', ben.getRelationships([her.id]))).data
assert.equal(relation.following, true)

const heard = []
const stream = await used('userStreaming', ann.userStreaming())
stream.on('update', (status) => heard.push(['update', status.id]))
stream.on('notification', (notification) => heard.push(['notification', notification.type]))
stream.on('error', (error) => assert.fail(error))

// Nothing tells when the server has begun to listen for a stream, so she posts until she hears of it.
await used(
  'userStreaming update',
  until(async () => {
    await ann.postStatus('Does anybody hear me?')
    return heard.some(([event]) => event === 'update')
  }),
)

const post = (await used('postStatus', ann.postStatus('Hello #megalodon', { visibility: 'public' }))).data
assert.equal((await used('getHomeTimeline', ben.getHomeTimeline({ limit: 5 }))).data[0].id, post.id)
assert.equal((await used('getLocalTimeline', ben.getLocalTimeline({ limit: 5 }))).data[0].id, post.id)
const reply = (await ben.postStatus(`@${her.acct} Hello`, { in_reply_to_id: post.id })).data
const context = (await used('getStatusContext', ann.getStatusContext(post.id))).data
assert.deepEqual(context.descendants.map((one) => one.id), [reply.id])
assert.equal((await used('favouriteStatus', ben.favouriteStatus(post.id))).data.favourited, true)
assert.equal((await used('reblogStatus', ben.reblogStatus(post.id))).data.reblog.id, post.id)
assert.equal((await used('bookmarkStatus', ben.bookmarkStatus(post.id))).data.bookmarked, true)
assert.equal((await used('editStatus', ann.editStatus(post.id, { status: 'Hello again' }))).status, 200)

const kinds = ['favourite', 'follow', 'mention', 'reblog']
const told = await used(
  'getNotifications',
  until(async () => {
    const all = (await ann.getNotifications()).data
    return all.length === kinds.length && all
  }),
)
assert.deepEqual(told.map((one) => one.type).sort(), kinds)
await used('userStreaming notification', until(() => heard.some(([, type]) => type === 'favourite')))

const found = (await used('search', ben.search(her.acct, { type: 'accounts' }))).data
assert.equal(found.accounts[0].id, her.id)
assert.equal((await used('deleteStatus', ben.deleteStatus(reply.id))).status, 200)
await assert.rejects(ann.getStatus(reply.id), (error) => error.response.status === 404)
console.log('errors')

stream.removeAllListeners()
stream.stop()
process.exit() // a timer of the library's outlives its stream by ten seconds
