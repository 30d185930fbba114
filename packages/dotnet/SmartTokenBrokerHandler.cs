// Calls TeamSystem Smart Services with tokens of Smart Token Broker, also while the broker is down. README.md beside this
// file says how to use it; packages/conformance says how it behaves. C# 7, no package beyond the framework.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;

namespace SmartTokenBroker
{
    /// <summary>Sends requests of an HttpClient to the business API, with the access token of a connection.</summary>
    /// <remarks>
    /// If the API answers 401, reports the token as rejected and sends the request once more, if its content can be sent
    /// again. Throws <see cref="BrokerException"/> if there is no valid token and the broker gave none, and
    /// InvalidOperationException if the URL is not one of the business API.
    /// </remarks>
    public sealed class SmartTokenBrokerHandler : DelegatingHandler
    {
        /// <summary>Stands for the base URL of the business API, which is known with the first token. It has no host.</summary>
        public static readonly Uri BaseAddress = new Uri("https://smart-services.invalid/");

        private readonly Connection connection;

        /// <summary>A handler without an inner one, as IHttpClientFactory needs it.</summary>
        public SmartTokenBrokerHandler(Connection connection)
        {
            this.connection = connection ?? throw new ArgumentNullException(nameof(connection));
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var token = await connection.TokenAsync(cancellationToken).ConfigureAwait(false);
            var url = ApiUrl(request.RequestUri, token.ApiBaseUrl);
            var response = await SendAsync(request, url, token, cancellationToken).ConfigureAwait(false);
            // After a redirect, the answer is of a request without the token: the framework removes it.
            if (response.StatusCode != HttpStatusCode.Unauthorized || request.RequestUri != url) return response;
            AccessToken next;
            try
            {
                next = await Wait.For(connection.ReplacementOfAsync(token), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                response.Dispose();
                throw;
            }
            if (next == null || !IsRepeatable(request.Content)) return response;
            response.Dispose();
            return await SendAsync(request, url, next, cancellationToken).ConfigureAwait(false);
        }

#if NET5_0_OR_GREATER
        // Without it, HttpClient.Send would send the request without a token.
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
            SendAsync(request, cancellationToken).GetAwaiter().GetResult();
#endif

        private async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, Uri url, AccessToken token, CancellationToken cancellationToken)
        {
            request.RequestUri = url;
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Reveal());
            try
            {
                return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                // The caller has this object, also as response.RequestMessage, and its ToString prints all headers.
                request.Headers.Authorization = null;
            }
        }

        /// <summary>
        /// Where a request goes. A URL below BaseAddress goes below the base URL of the business API; another one must have
        /// its origin.
        /// </summary>
        internal static Uri ApiUrl(Uri requested, string apiBaseUrl)
        {
            if (apiBaseUrl == null)
                throw new InvalidOperationException(
                    "The connection has no apiBaseUrl. Register it at the broker, or set the option ApiBaseUrl.");
            var api = new Uri(apiBaseUrl);
            if (IsSameOrigin(requested, BaseAddress))
            {
                var folder = api.GetLeftPart(UriPartial.Path).TrimEnd('/');
                var url = new Uri(folder + requested.PathAndQuery);
                // From .NET 6, a Uri can keep its dots.
                if (url.AbsoluteUri.StartsWith(folder + "/", StringComparison.Ordinal)) return url;
                throw new InvalidOperationException(
                    "The path leads out of the business API's base URL " + folder + ". Remove '..' from it.");
            }
            if (IsSameOrigin(requested, api)) return requested;
            throw new InvalidOperationException(
                "The request goes to " + requested.GetLeftPart(UriPartial.Authority) + ", not to the business API " +
                api.GetLeftPart(UriPartial.Authority) + ". Its token is for no other. " +
                "Use a relative URL, and SmartTokenBrokerHandler.BaseAddress as the BaseAddress of the HttpClient.");
        }

        private static bool IsSameOrigin(Uri one, Uri other) =>
            Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

        private static bool IsRepeatable(HttpContent content)
        {
#if NET5_0_OR_GREATER
            if (content is System.Net.Http.Json.JsonContent || content is ReadOnlyMemoryContent) return true;
#endif
            // A stream cannot be sent again: it is gone.
            return content == null || content is ByteArrayContent || (content is MultipartContent parts && parts.All(IsRepeatable));
        }
    }

    /// <summary>Options of <see cref="BrokerClient"/>.</summary>
    public sealed class BrokerOptions
    {
        /// <summary>URL of the broker: https, or http on this machine.</summary>
        public string Broker { get; set; }

        public Credential Credential { get; set; }

        /// <summary>Base URL of the business API, for connections that have none registered at the broker.</summary>
        public string ApiBaseUrl { get; set; }

        /// <summary>
        /// Time before a token's expiry from which the client requests the next one: at most three quarters of the lifetime. The
        /// default is for an outage of 20 minutes, the pause of a minute at its end, and a few seconds.
        /// </summary>
        public TimeSpan Margin { get; set; } = TimeSpan.FromMinutes(22);

        /// <summary>Time for a request to the broker. It needs 15 s for a replacement at worst.</summary>
        public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

        /// <summary>Sends the requests to the broker: for a proxy or a client certificate. It must not follow redirects.</summary>
        public HttpMessageHandler BrokerHandler { get; set; }

        /// <summary>For logs and metrics. What it throws is ignored.</summary>
        public Action<BrokerEvent> OnEvent { get; set; }
    }

    /// <summary>A client of the broker. Make one for the life of the process: it holds the tokens. Thread-safe.</summary>
    public sealed class BrokerClient
    {
        /// <summary>Guards the state of the client and of all its connections. Nothing waits while it is held.</summary>
        internal readonly object Gate = new object();
        internal readonly BrokerOptions Options;
        internal readonly Runtime Runtime;
        internal readonly HttpMessageInvoker Http;
        /// <summary>The circuit of the broker, which all connections share.</summary>
        internal readonly Circuit Circuit;
        private readonly Dictionary<string, Connection> connections = new Dictionary<string, Connection>();
        private readonly ElapsedClock clock;

        /// <exception cref="ArgumentException">An option is wrong. The message names it.</exception>
        public BrokerClient(BrokerOptions options) : this(options, new Runtime())
        {
        }

        internal BrokerClient(BrokerOptions options, Runtime runtime)
        {
            if (!IsHttpUrl(options.Broker)) throw Wrong("Broker", "must be the https URL of the broker");
            if (options.Credential == null) throw Wrong("Credential", "must be one, such as Credential.CallerKey(name, key)");
            if (options.ApiBaseUrl != null && !IsHttpUrl(options.ApiBaseUrl)) throw Wrong("ApiBaseUrl", "must be an https URL");
            CheckDuration("Margin", options.Margin);
            CheckDuration("Timeout", options.Timeout);
            Options = options;
            Runtime = runtime;
            Http = new HttpMessageInvoker(options.BrokerHandler ?? new HttpClientHandler { AllowAutoRedirect = false });
            clock = new ElapsedClock(runtime);
            Circuit = new Circuit(runtime, options.Timeout, error => !error.ConcernsConnection);
        }

        /// <summary>A connection by its id. The same object for the same id.</summary>
        /// <exception cref="ArgumentException">It is not the id of a connection.</exception>
        public Connection Connection(string id)
        {
            lock (Gate)
            {
                if (id != null && connections.TryGetValue(id, out var known)) return known;
                if (id == null || !Regex.IsMatch(id, @"\A[a-z0-9][a-z0-9-]{0,62}\z"))
                    throw Wrong("Connection", "must be an id: 1 to 63 characters of a-z, 0-9 and '-', not starting with '-'");
                return connections[id] = new Connection(id, this);
            }
        }

        /// <summary>Elapsed time since the client was made. Call it with the gate held.</summary>
        internal TimeSpan Now() => clock.Now();

        internal void Tell(BrokerEvent happened)
        {
            try
            {
                Options.OnEvent?.Invoke(happened);
            }
            catch
            {
                // A log that fails must not fail the call.
            }
        }

        /// <summary>Whether a text is the URL of an HTTP API. Without TLS only on this machine.</summary>
        internal static bool IsHttpUrl(string text)
        {
            if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.UserInfo != "") return false;
            var isLocal = url.Host == "localhost" || url.Host == "127.0.0.1" || url.Host == "[::1]";
            return url.Scheme == "https" || (url.Scheme == "http" && isLocal);
        }

        private static void CheckDuration(string option, TimeSpan value)
        {
            if (value <= TimeSpan.Zero || value >= TimeSpan.FromDays(1)) throw Wrong(option, "must be above 0 and below a day");
        }

        private static ArgumentException Wrong(string option, string rule) =>
            new ArgumentException("BrokerClient: " + option + " " + rule + ".");
    }

    /// <summary>One connection: its token in memory, and requests to the broker for the next one.</summary>
    public sealed class Connection
    {
        /// <summary>Time without a report of a rejected token, if the broker replaced none and did not say how long.</summary>
        private static readonly TimeSpan ReportPause = TimeSpan.FromSeconds(30);

        private readonly BrokerClient client;
        /// <summary>The circuit of this connection's own failures, such as connection_not_ready.</summary>
        private readonly Circuit own;
        private HeldToken held;
        /// <summary>Answers to requests that began before this instant do not replace the token.</summary>
        private TimeSpan heldFrom = TimeSpan.MinValue;
        /// <summary>The request for a token that is in progress. However many calls need one, there is one.</summary>
        private TaskCompletionSource<HeldToken> requesting;
        private TimeSpan requestingSince;
        /// <summary>The report that is in progress, and its token.</summary>
        private TaskCompletionSource<AccessToken> reporting;
        private string reported;
        private TimeSpan reportingSince;
        private TimeSpan reportAgainAt = TimeSpan.MinValue;

        internal Connection(string id, BrokerClient client)
        {
            Id = id;
            this.client = client;
            own = new Circuit(
                client.Runtime, client.Options.Timeout, error => error.ConcernsConnection && error.Code != "too_soon");
        }

        public string Id { get; }

        /// <summary>An HttpClient for the business API. Make one for the life of the process.</summary>
        /// <param name="inner">Sends the requests. The default follows no redirects.</param>
        public HttpClient CreateHttpClient(HttpMessageHandler inner = null) =>
            new HttpClient(
                new SmartTokenBrokerHandler(this)
                {
                    InnerHandler = inner ?? new HttpClientHandler { AllowAutoRedirect = false },
                })
            {
                BaseAddress = SmartTokenBrokerHandler.BaseAddress,
            };

        /// <summary>
        /// A token that is valid now. Does not wait while there is one: near its expiry, it requests the next one from the
        /// broker, and returns this one.
        /// </summary>
        /// <exception cref="BrokerException">There is no valid token, and the broker gave none.</exception>
        public async Task<AccessToken> TokenAsync(CancellationToken cancellationToken = default(CancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            HeldToken current;
            lock (client.Gate)
            {
                current = held;
                var now = client.Now();
                if (current != null && now < current.RefreshAt) return current.Token;
                if (current != null && now >= current.UsableUntil) current = null;
            }
            var request = Request(current != null);
            if (current != null) return current.Token;
            return (await Wait.For(request, cancellationToken).ConfigureAwait(false)).Token;
        }

        /// <summary>The token to use in place of one that the API rejected; null if there is none. Never fails.</summary>
        internal Task<AccessToken> ReplacementOfAsync(AccessToken rejected)
        {
            var text = rejected.Reveal();
            Attempt attempt = null;
            TaskCompletionSource<AccessToken> report = null;
            lock (client.Gate)
            {
                // Otherwise another call reported it, or the client replaced it, since this request was sent.
                if (held == null || held.Token.Reveal() == text)
                {
                    var now = client.Now();
                    if (reporting != null && reported == text && !IsInterrupted(reportingSince, now)) return reporting.Task;
                    if (now < reportAgainAt || BlockedBy() != null) return Task.FromResult<AccessToken>(null);
                    report = reporting = client.Runtime.Completion<AccessToken>();
                    reported = text;
                    reportingSince = now;
                    attempt = Begin("rejected");
                }
            }
            if (report == null) return TokenOrNullAsync();
            Wait.Ignore(ReportAsync(text, attempt, report));
            return report.Task;
        }

        private async Task<AccessToken> TokenOrNullAsync()
        {
            try
            {
                return await TokenAsync().ConfigureAwait(false);
            }
            catch (BrokerException)
            {
                return null;
            }
        }

        private async Task ReportAsync(string rejected, Attempt attempt, TaskCompletionSource<AccessToken> report)
        {
            AccessToken next = null;
            try
            {
                var token = (await AskAsync(attempt, Sha256.Hex(rejected)).ConfigureAwait(false)).Token;
                if (token.Reveal() != rejected) next = token;
                else lock (client.Gate) reportAgainAt = client.Now() + ReportPause;
            }
            catch (BrokerException error)
            {
                if (error.Status == 429)
                {
                    // The gateway's 429 has no Retry-After: its time is that of the circuit.
                    var pause = error.Code == "too_soon" ? error.RetryAfter ?? ReportPause : ReportPause;
                    lock (client.Gate) reportAgainAt = client.Now() + pause;
                }
            }
            lock (client.Gate)
                if (reporting == report) reporting = null;
            report.SetResult(next);
        }

        /// <summary>
        /// Whether a sleep of the machine interrupted a request: it waits for an answer that may never come, and its timer has not moved.
        /// </summary>
        private bool IsInterrupted(TimeSpan since, TimeSpan now) => now - since > client.Options.Timeout;

        private Task<HeldToken> Request(bool inBackground)
        {
            var runtime = client.Runtime;
            Attempt attempt;
            TaskCompletionSource<HeldToken> request;
            lock (client.Gate)
            {
                var now = client.Now();
                if (requesting != null && !IsInterrupted(requestingSince, now)) return requesting.Task;
                var blocked = BlockedBy();
                if (blocked != null) return Wait.Failed<HeldToken>(blocked);
                request = requesting = runtime.Completion<HeldToken>();
                requestingSince = now;
                attempt = Begin(inBackground ? "expiring" : "missing");
            }
            // A handler can look up a name before its first await: a call that has a token must not wait for it.
            if (inBackground) runtime.InBackground(() => RequestAsync(attempt, request));
            else Wait.Ignore(RequestAsync(attempt, request));
            return request.Task;
        }

        private async Task RequestAsync(Attempt attempt, TaskCompletionSource<HeldToken> request)
        {
            try
            {
                var answer = await AskAsync(attempt, null).ConfigureAwait(false);
                Forget(request);
                request.SetResult(answer);
            }
            catch (BrokerException error)
            {
                Forget(request);
                // The calls that wait for it may all have been cancelled.
                Wait.Ignore(request.Task);
                request.SetException(error);
            }
        }

        private void Forget(TaskCompletionSource<HeldToken> request)
        {
            lock (client.Gate)
                if (requesting == request) requesting = null;
        }

        private async Task<HeldToken> AskAsync(Attempt attempt, string rejectedSha256)
        {
            HeldToken answer = null;
            BrokerException error = null;
            try
            {
                answer = await BrokerRequest.SendAsync(client, Id, rejectedSha256).ConfigureAwait(false);
            }
            catch (BrokerException failure)
            {
                error = failure;
            }
            TimeSpan took;
            lock (client.Gate)
            {
                var now = client.Now();
                took = now - attempt.BegunAt;
                error = own.End(attempt.OwnFailures, error, now);
                error = client.Circuit.End(attempt.SharedFailures, error, now);
                var isReport = rejectedSha256 != null && !IsInterrupted(attempt.BegunAt, now);
                // What was requested before may be a token that the broker has replaced since, or the rejected one.
                if (answer != null && (isReport || attempt.BegunAt >= heldFrom || now >= held.UsableUntil))
                {
                    held = answer;
                    heldFrom = isReport ? now : attempt.BegunAt;
                }
            }
            client.Tell(new BrokerEvent(Id, attempt.Reason, took, answer?.Token.ExpiresAt, error));
            if (error != null) throw error;
            return answer;
        }

        private BrokerException BlockedBy()
        {
            var now = client.Now();
            return client.Circuit.BlockedBy(now, held?.LastTryAt) ?? own.BlockedBy(now);
        }

        private Attempt Begin(string reason) =>
            new Attempt(reason, client.Now(), client.Circuit.Begin(client.Now()), own.Begin(client.Now()));
    }

    /// <summary>An access token of a connection. ToString and serializers do not show the token itself.</summary>
    public sealed class AccessToken
    {
        private readonly string text;

        internal AccessToken(string text, string connection, string scope, string apiBaseUrl, DateTimeOffset expiresAt)
        {
            this.text = text;
            Connection = connection;
            Scope = scope;
            ApiBaseUrl = apiBaseUrl;
            ExpiresAt = expiresAt;
        }

        public string Connection { get; }

        /// <summary>The vendor's scope, which is part of most paths of the business API. Null if there is none.</summary>
        public string Scope { get; }

        /// <summary>Base URL of the business API. Null if there is none.</summary>
        public string ApiBaseUrl { get; }

        /// <summary>When the token expires, by the clock of this machine when the request was sent.</summary>
        public DateTimeOffset ExpiresAt { get; }

        /// <summary>The token itself. Send it as Authorization: Bearer.</summary>
        public string Reveal() => text;
    }

    /// <summary>What happened between the client and the broker. Holds no token and no key.</summary>
    public sealed class BrokerEvent
    {
        internal BrokerEvent(string connection, string reason, TimeSpan took, DateTimeOffset? expiresAt, BrokerException error)
        {
            Connection = connection;
            Reason = reason;
            Took = took;
            ExpiresAt = expiresAt;
            Error = error;
        }

        public string Connection { get; }

        /// <summary>
        /// Why the client sent the request: it had no valid token ("missing"), its token was old ("expiring"), or the business
        /// API rejected it ("rejected").
        /// </summary>
        public string Reason { get; }

        public TimeSpan Took { get; }

        /// <summary>When the new token expires. Null after a failure.</summary>
        public DateTimeOffset? ExpiresAt { get; }

        /// <summary>The failure. Null after a success.</summary>
        public BrokerException Error { get; }
    }

    /// <summary>No valid token, and the broker gave none. Holds no token and no key, so it has no InnerException.</summary>
    public sealed class BrokerException : HttpRequestException
    {
        private static readonly HashSet<string> OfConnection = new HashSet<string>
        {
            "invalid_request", "invalid_scope", "unknown_connection", "connection_not_ready", "too_soon", "credentials_rejected",
            "upstream_malformed", "upstream_unavailable", "internal",
        };

        internal BrokerException(
            string message, string code, string connection, int? status = null, TimeSpan? retryAfter = null,
            string requestId = null) : base(message)
        {
            Code = code;
            Connection = connection;
            Status = status;
            RetryAfter = retryAfter;
            RequestId = requestId;
        }

        /// <summary>
        /// Decide by it: a code of the broker, an OAuth error, or one of the client: unreachable, timeout, proxy_error,
        /// malformed_response, gateway, credential_unavailable.
        /// </summary>
        public string Code { get; }

        public string Connection { get; }

        /// <summary>HTTP status of the broker's response. Null if there was none.</summary>
        public int? Status { get; }

        /// <summary>Time after which a retry makes sense. Until then the client sends the broker no request.</summary>
        public TimeSpan? RetryAfter { get; }

        /// <summary>Finds the request in the broker's log.</summary>
        public string RequestId { get; }

        /// <summary>Whether the failure says nothing about other connections: then only its own connection waits.</summary>
        // IAM decides for each connection.
        internal bool ConcernsConnection => OfConnection.Contains(Code) || (Code == "gateway" && Status == 403);

        /// <summary>
        /// Whether the failure may end at any moment: nothing answered, or a server's error that does not say when to retry.
        /// </summary>
        internal bool IsOutage =>
            RetryAfter == null && !ConcernsConnection && (Code == "unreachable" || Code == "timeout" || Status >= 500);

        /// <summary>The same failure for another call, with the time that is left until the client sends the broker another request.</summary>
        internal BrokerException Again(TimeSpan left)
        {
            var seconds = Math.Max(1, Math.Ceiling(left.TotalSeconds));
            return new BrokerException(Message, Code, Connection, Status, TimeSpan.FromSeconds(seconds), RequestId);
        }
    }

    /// <summary>How a service authenticates at the broker.</summary>
    public sealed class Credential
    {
        private readonly Func<CancellationToken, Task<string>> supplier;
        private readonly Func<string, Dictionary<string, string>> grant;

        private Credential(Func<CancellationToken, Task<string>> supplier, Func<string, Dictionary<string, string>> grant)
        {
            this.supplier = supplier;
            this.grant = grant;
        }

        /// <summary>A caller key of the broker's list "callers" (RFC 6749 section 4.4). Never in an app on a user's device.</summary>
        /// <param name="name">Name of the entry.</param>
        /// <param name="key">stb_…</param>
        /// <exception cref="ArgumentException">One is missing, as with an environment variable that is not set.</exception>
        public static Credential CallerKey(string name, string key)
        {
            if (string.IsNullOrEmpty(name))
                throw new ArgumentException("CallerKey: the name is missing. Give the name of the entry in the list callers.");
            if (string.IsNullOrEmpty(key))
                throw new ArgumentException("CallerKey: the key is missing. Is the environment variable set?");
            return new Credential(_ => Task.FromResult(key), secret => new Dictionary<string, string>
            {
                { "grant_type", "client_credentials" }, { "client_id", name }, { "client_secret", secret },
            });
        }

        /// <summary>A JWT of an issuer in the broker's list "callers", of a user or a workload (RFC 8693).</summary>
        /// <param name="supplier">Returns a valid JWT. Called for each request to the broker, about once in half an hour.</param>
        public static Credential Jwt(Func<CancellationToken, Task<string>> supplier)
        {
            if (supplier == null) throw new ArgumentNullException(nameof(supplier));
            return new Credential(supplier, secret => new Dictionary<string, string>
            {
                { "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange" },
                { "subject_token", secret },
                { "subject_token_type", "urn:ietf:params:oauth:token-type:jwt" },
            });
        }

        internal async Task<string> SecretAsync(CancellationToken cancellationToken)
        {
            var secret = await supplier(cancellationToken).ConfigureAwait(false);
            if (string.IsNullOrEmpty(secret)) throw new InvalidOperationException("The supplier of the JWT returned none.");
            return secret;
        }

        /// <summary>The form fields of a request with the secret.</summary>
        internal Dictionary<string, string> Grant(string secret) => grant(secret);
    }

    /// <summary>A token in the client's memory. Instants are those of the client's elapsed clock.</summary>
    internal sealed class HeldToken
    {
        /// <summary>
        /// Time before its end from which a token is not used: a request needs some to arrive. The broker has the same rule.
        /// </summary>
        private static readonly TimeSpan End = TimeSpan.FromSeconds(5);

        /// <summary>
        /// Time before the last use of a token in which an outage's pause ends: a random part of it, because clients share the instant.
        /// </summary>
        private static readonly TimeSpan LastTry = TimeSpan.FromSeconds(10);

        /// <summary>Longest lifetime that is one: 7 days. The broker has the same rule.</summary>
        private static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(7);

        internal AccessToken Token;
        /// <summary>From this instant on, the client requests another one from the broker, and still uses this one.</summary>
        internal TimeSpan RefreshAt;
        /// <summary>Until this instant, the client uses it.</summary>
        internal TimeSpan UsableUntil;
        /// <summary>When it expires. A call that waited for it gets it until then.</summary>
        internal TimeSpan EndsAt;
        /// <summary>From this instant on, pauses in an outage are short: soon calls have no token.</summary>
        internal TimeSpan LastTryAt;

        /// <summary>Reads a token response (RFC 6749 section 5.1). Null if it is not one.</summary>
        /// <param name="sentAt">The instant at which the request was sent: the lifetime counts from there.</param>
        /// <param name="random">
        /// Makes the margin longer, by up to a tenth, so that processes that started together do not refresh together; and the
        /// last try earlier.
        /// </param>
        internal static HeldToken Read(
            Dictionary<string, object> body, string connection, TimeSpan sentAt, DateTimeOffset wallAtSent, BrokerOptions options,
            double random)
        {
            // Only these characters can be sent in a header (RFC 6750 section 2.1, and room for others).
            if (!(Json.Text(body, "access_token") is string text) || !Regex.IsMatch(text, @"\A[\x21-\x7e]+\z")) return null;
            if (!string.Equals(Json.Text(body, "token_type"), "bearer", StringComparison.OrdinalIgnoreCase)) return null;
            if (!body.TryGetValue("expires_in", out var number) || !(number is double seconds)) return null;
            if (!(seconds > 0 && seconds <= LongestLifetime.TotalSeconds)) return null;
            var apiBaseUrl = Json.Text(body, "api_base_url");
            if (body.ContainsKey("api_base_url") && !BrokerClient.IsHttpUrl(apiBaseUrl)) return null;
            var lifetime = TimeSpan.FromSeconds(seconds);
            var margin = TimeSpan.FromSeconds(Math.Min(options.Margin.TotalSeconds, 0.75 * seconds) * (1 + random / 10));
            var endsAt = sentAt + lifetime;
            var usableUntil = endsAt - End;
            var refreshAt = endsAt - margin;
            return new HeldToken
            {
                Token = new AccessToken(
                    text, connection, Json.Text(body, "scope"), apiBaseUrl ?? options.ApiBaseUrl, wallAtSent + lifetime),
                RefreshAt = refreshAt < usableUntil ? refreshAt : usableUntil,
                UsableUntil = usableUntil,
                EndsAt = endsAt,
                LastTryAt = usableUntil - TimeSpan.FromSeconds(LastTry.TotalSeconds * random),
            };
        }
    }

    /// <summary>Requests to the broker.</summary>
    internal static class BrokerRequest
    {
        /// <summary>Longest response that is read, in bytes: the broker's have less than 20,000.</summary>
        private const int MaxLength = 64 * 1024;

        /// <summary>Longest Retry-After that is obeyed: the broker's own maximum.</summary>
        private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromSeconds(900);

        /// <summary>
        /// Requests a token from the broker, once; twice if a connection broke, which an idle one does without an outage. The
        /// timeout is for all of it.
        /// </summary>
        /// <exception cref="BrokerException">And nothing else.</exception>
        internal static async Task<HeldToken> SendAsync(BrokerClient client, string connection, string rejectedSha256)
        {
            var options = client.Options;
            using (var timeout = client.Runtime.Timeout(options.Timeout))
            {
                for (var isRetry = false; ; isRetry = true)
                {
                    string secret = null;
                    try
                    {
                        secret = await Wait.For(options.Credential.SecretAsync(timeout.Token), timeout.Token).ConfigureAwait(false);
                        var form = options.Credential.Grant(secret);
                        form["scope"] = connection;
                        if (rejectedSha256 != null) form["rejected_token_sha256"] = rejectedSha256;
                        TimeSpan sentAt;
                        lock (client.Gate) sentAt = client.Now();
                        var wallAtSent = client.Runtime.UtcNow;
                        var request = new HttpRequestMessage(HttpMethod.Post, options.Broker.TrimEnd('/') + "/oauth/token")
                        {
                            Content = new FormUrlEncodedContent(form),
                        };
                        var sending = client.Http.SendAsync(request, timeout.Token);
                        using (var response = await Wait.For(sending, timeout.Token).ConfigureAwait(false))
                        {
                            var text = await ReadAsync(response, timeout.Token).ConfigureAwait(false);
                            if (!response.IsSuccessStatusCode) throw Failure(response, text, secret, connection);
                            double random;
                            lock (client.Gate) random = client.Runtime.Random();
                            var token = HeldToken.Read(Json.Parse(text), connection, sentAt, wallAtSent, options, random);
                            var status = (int)response.StatusCode;
                            if (token == null)
                                throw new BrokerException(
                                    "The response of the broker is not a token response (HTTP " + status + ").",
                                    "malformed_response", connection, status);
                            // The machine may have slept since it sent the request.
                            lock (client.Gate)
                                if (client.Now() < token.EndsAt) return token;
                            if (isRetry)
                                throw new BrokerException(
                                    "The token of the broker had expired when it arrived.", "timeout", connection);
                        }
                    }
                    catch (Exception error) when (!(error is BrokerException))
                    {
                        var late = timeout.IsCancellationRequested
                            ? string.Format(
                                CultureInfo.InvariantCulture, " did not answer in {0} s.", options.Timeout.TotalSeconds)
                            : null;
                        if (secret == null)
                            throw new BrokerException(
                                "There is no credential for the broker. " + (late == null ? error.Message : "Its supplier" + late),
                                "credential_unavailable", connection);
                        if (late != null) throw new BrokerException("The broker" + late, "timeout", connection);
                        if (isRetry)
                        {
                            // No InnerException: the one of a handler can hold the request.
                            var reason = Start(error.GetBaseException().Message, secret);
                            throw new BrokerException(
                                "The broker " + options.Broker + " is unreachable (" + reason + ").", "unreachable", connection);
                        }
                    }
                }
            }
        }

        private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
        {
            var read = new MemoryStream();
            var buffer = new byte[4096];
            var stream = await Wait.For(response.Content.ReadAsStreamAsync(), cancellationToken).ConfigureAwait(false);
            while (read.Length <= MaxLength)
            {
                var reading = stream.ReadAsync(buffer, 0, buffer.Length, cancellationToken);
                var length = await Wait.For(reading, cancellationToken).ConfigureAwait(false);
                if (length == 0) break;
                read.Write(buffer, 0, length);
            }
            return Encoding.UTF8.GetString(read.ToArray());
        }

        /// <summary>Reads an error response of the broker (RFC 9457, RFC 6749 section 5.2) or of its gateway.</summary>
        private static BrokerException Failure(HttpResponseMessage response, string content, string secret, string connection)
        {
            var body = Json.Parse(content);
            // The response may be of a proxy that repeats the request. Not the content: JSON can escape the credential.
            Func<string, string> textOf = name => Start(Json.Text(body, name), secret);
            var status = (int)response.StatusCode;
            var code = textOf("code") ?? textOf("error");
            var message = textOf("message");
            var requestId = textOf("request_id") ?? Start(Header(response, "apigw-requestid"), secret);
            // A date counts by the sender's own clock.
            var after = response.Headers.RetryAfter;
            var retryAfter = after?.Delta ?? after?.Date - response.Headers.Date;
            // The framework reads no seconds above int.MaxValue.
            if (after == null && Regex.IsMatch(Header(response, "Retry-After") ?? "", @"\A[0-9]+\z")) retryAfter = MaxRetryAfter;
            if (retryAfter < TimeSpan.Zero) retryAfter = null;
            if (retryAfter > MaxRetryAfter) retryAfter = MaxRetryAfter;
            string text;
            if (code != null && Regex.IsMatch(code, @"\A[a-z][a-z_]*\z"))
            {
                var detail = textOf("detail") ?? textOf("error_description") ?? "";
                text = ("The broker answered " + status + " " + code + ". " + detail).Trim();
            }
            else if (message != null)
            {
                code = "gateway";
                text = "The broker's gateway answered " + status + " " + message + ".";
            }
            else
            {
                code = status < 500 ? "malformed_response" : "proxy_error";
                text = "The broker's response is not one of the broker (HTTP " + status + ").";
            }
            return new BrokerException(text, code, connection, status, retryAfter, requestId);
        }

        /// <summary>The first 500 characters of a text, without the credential.</summary>
        private static string Start(string text, string secret)
        {
            var clean = text?.Replace(secret, "[removed]");
            return clean == null || clean.Length <= 500 ? clean : clean.Substring(0, 500);
        }

        private static string Header(HttpResponseMessage response, string name) =>
            response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
    }

    /// <summary>A request to the broker, from the decision to send it until its end.</summary>
    internal sealed class Attempt
    {
        internal readonly string Reason;
        internal readonly TimeSpan BegunAt;
        /// <summary>What both circuits returned as it began.</summary>
        internal readonly int SharedFailures;
        internal readonly int OwnFailures;

        internal Attempt(string reason, TimeSpan begunAt, int sharedFailures, int ownFailures)
        {
            Reason = reason;
            BegunAt = begunAt;
            SharedFailures = sharedFailures;
            OwnFailures = ownFailures;
        }
    }

    /// <summary>
    /// Pauses requests after a failure, so that an outage costs callers at most one timeout in each pause. After a pause, one
    /// request at a time tests whether the other side is back. The client's gate guards it.
    /// </summary>
    internal sealed class Circuit
    {
        /// <summary>Seconds of the longest pause. The first has one second, and each is twice the one before.</summary>
        private const double LongestPause = 60;

        /// <summary>Seconds of the longest pause in an outage while calls have no token: all fail until the next attempt.</summary>
        private const double ShortPause = 10;

        private readonly Runtime runtime;
        private readonly Func<BrokerException, bool> counts;
        private BrokerException failure;
        private int failures;
        private TimeSpan pausedUntil;
        /// <summary>When the pause of calls without a token ends. In an outage it is shorter.</summary>
        private TimeSpan shortUntil;
        /// <summary>Since when a request tests whether the other side is back. A freeze can hide its end.</summary>
        private TimeSpan? testingSince;
        private readonly TimeSpan longestTest;

        /// <param name="longestTest">Time until another request may test.</param>
        /// <param name="counts">Whether a failure opens this circuit. Another one shows that it may close.</param>
        internal Circuit(Runtime runtime, TimeSpan longestTest, Func<BrokerException, bool> counts)
        {
            this.runtime = runtime;
            this.longestTest = longestTest;
            this.counts = counts;
        }

        /// <summary>The failure that stops a request now, with the time until the next attempt. Null if none does.</summary>
        /// <param name="lastTryAt">Of the token that calls have.</param>
        internal BrokerException BlockedBy(TimeSpan now, TimeSpan? lastTryAt = null)
        {
            var isTesting = now - testingSince <= longestTest;
            var until = lastTryAt > shortUntil ? lastTryAt.Value : shortUntil;
            if (until > pausedUntil) until = pausedUntil;
            if (failure == null || (now >= until && !isTesting)) return null;
            return failure.Again(until - now);
        }

        /// <summary>Begins a request that nothing blocks; after a failure, it is the test. Returns the failures in a row.</summary>
        internal int Begin(TimeSpan now)
        {
            if (failures > 0) testingSince = now;
            return failures;
        }

        /// <summary>Learns from the end of a request. Returns its failure, with the time of the pause if it counts.</summary>
        internal BrokerException End(int begunWith, BrokerException error, TimeSpan now)
        {
            if (begunWith > 0) testingSince = null;
            // The circuit closed since the request began.
            if (begunWith > failures) return error;
            if (error == null || !counts(error))
            {
                // A failure since then is newer: its pause stays.
                if (begunWith != failures) return error;
                failure = null;
                failures = 0;
                return error;
            }
            // Requests that began before the last failure belong to the same pause: many at once count as one failure.
            if (begunWith == failures)
            {
                var pause = Math.Min(LongestPause, Math.Pow(2, failures));
                failures += 1;
                var spread = 1 - runtime.Random() / 2;
                pausedUntil = now + TimeSpan.FromSeconds(pause * spread);
                // If the other side is silent, calls wait for the timeout in each test: the pause may be as long.
                var longest = error.Code == "timeout" ? Math.Max(ShortPause, longestTest.TotalSeconds) : ShortPause;
                shortUntil = now + TimeSpan.FromSeconds(Math.Min(pause, longest) * spread);
            }
            var obeyed = now + (error.RetryAfter ?? TimeSpan.Zero);
            if (pausedUntil < obeyed) pausedUntil = obeyed;
            if (!error.IsOutage) shortUntil = pausedUntil;
            failure = error;
            return error.Again(shortUntil - now);
        }
    }

    /// <summary>What the client takes from its environment. Its tests replace all of it.</summary>
    internal class Runtime
    {
        // By time alone, machines that started together would have the same numbers.
        private readonly Random random = new Random(Guid.NewGuid().GetHashCode());

        /// <summary>The wall clock. It can be wrong, and can step.</summary>
        internal virtual DateTimeOffset UtcNow => DateTimeOffset.UtcNow;

        /// <summary>A clock that never steps back, since any instant. It can stand still while the machine sleeps.</summary>
        internal virtual TimeSpan Monotonic => TimeSpan.FromSeconds(Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency);

        /// <summary>At least 0, below 1. Call it with the client's gate held.</summary>
        internal virtual double Random() => random.NextDouble();

        /// <summary>Cancels after a time. Does not keep the process alive.</summary>
        internal virtual CancellationTokenSource Timeout(TimeSpan time) => new CancellationTokenSource(time);

        internal virtual void InBackground(Func<Task> work) => Task.Run(work);

        /// <summary>Its waiters continue on other threads: one that blocks must not stop the others.</summary>
        internal virtual TaskCompletionSource<T> Completion<T>() =>
            new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Elapsed time since its creation, by the larger of wall and monotonic time.</summary>
    /// <remarks>
    /// A wall clock that steps forward ends tokens early; one that steps back extends none, because the monotonic clock counts. A
    /// monotonic clock that stood still while the machine slept extends none either, because the wall clock counts. When the two
    /// disagree by more than a second, counting starts again from there: so a step does not hide a later sleep.
    /// </remarks>
    internal sealed class ElapsedClock
    {
        private readonly Runtime runtime;
        private TimeSpan now;
        private TimeSpan elapsed;
        private DateTimeOffset wallBase;
        private TimeSpan monotonicBase;

        internal ElapsedClock(Runtime runtime)
        {
            this.runtime = runtime;
            wallBase = runtime.UtcNow;
            monotonicBase = runtime.Monotonic;
        }

        internal TimeSpan Now()
        {
            var wall = runtime.UtcNow;
            var monotonic = runtime.Monotonic;
            var byWall = wall - wallBase;
            var byMonotonic = monotonic - monotonicBase;
            var counted = elapsed + (byWall > byMonotonic ? byWall : byMonotonic);
            // Never back: a step back takes away no short freeze before it.
            if (now < counted) now = counted;
            if ((byWall - byMonotonic).Duration() > TimeSpan.FromSeconds(1))
            {
                elapsed = now;
                wallBase = wall;
                monotonicBase = monotonic;
            }
            return now;
        }
    }

    internal static class Wait
    {
        /// <summary>Waits for some work, or throws TaskCanceledException as soon as the token is cancelled.</summary>
        internal static async Task<T> For<T>(Task<T> work, CancellationToken cancellationToken)
        {
            if (work.IsCompleted || !cancellationToken.CanBeCanceled) return await work.ConfigureAwait(false);
            var cancelled = new TaskCompletionSource<T>();
            using (cancellationToken.Register(() => cancelled.TrySetCanceled()))
            {
                Ignore(work);
                return await (await Task.WhenAny(work, cancelled.Task).ConfigureAwait(false)).ConfigureAwait(false);
            }
        }

        /// <summary>Marks a task whose failure its other users handle.</summary>
        internal static void Ignore(Task work) =>
            work.ContinueWith(
                done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        internal static Task<T> Failed<T>(Exception error)
        {
            var failed = new TaskCompletionSource<T>();
            failed.SetException(error);
            Ignore(failed.Task);
            return failed.Task;
        }
    }

    internal static class Sha256
    {
        /// <summary>SHA-256 of a text's UTF-8 bytes, in lower-case hex.</summary>
        internal static string Hex(string text)
        {
            using (var algorithm = SHA256.Create())
                return string.Concat(algorithm.ComputeHash(Encoding.UTF8.GetBytes(text)).Select(each => each.ToString("x2")));
        }
    }

    internal static class Json
    {
        /// <summary>
        /// The members of a JSON object: texts as string, numbers as double, others as an object without meaning. Empty if the
        /// text is not a JSON object.
        /// </summary>
        internal static Dictionary<string, object> Parse(string text)
        {
            var members = new Dictionary<string, object>();
            try
            {
                // The framework's own reader since .NET Framework 4.5: it shows JSON as XML.
                using (var reader = JsonReaderWriterFactory.CreateJsonReader(Encoding.UTF8.GetBytes(text), XmlDictionaryReaderQuotas.Max))
                {
                    reader.MoveToContent();
                    if (reader.GetAttribute("type") != "object") return members;
                    reader.Read();
                    while (reader.NodeType == XmlNodeType.Element)
                    {
                        // A name that is none in XML is in this attribute.
                        var name = reader.GetAttribute("item") ?? reader.LocalName;
                        var type = reader.GetAttribute("type");
                        if (type == "string") members[name] = reader.ReadElementContentAsString();
                        else if (type == "number") members[name] = Number(reader.ReadElementContentAsString());
                        else
                        {
                            reader.Skip();
                            members[name] = new object();
                        }
                    }
                    return members;
                }
            }
            catch (Exception error) when (error is XmlException || error is FormatException || error is OverflowException)
            {
                return new Dictionary<string, object>();
            }
        }

        /// <summary>A member that is a text. Null if there is none.</summary>
        internal static string Text(Dictionary<string, object> members, string name) =>
            members.TryGetValue(name, out var value) ? value as string : null;

        private static double Number(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
    }
}
