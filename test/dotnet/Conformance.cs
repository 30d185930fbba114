// Runs the cases of a file on the .NET client: those of packages/conformance, of which conformance.dotnet.ts has made scripts
// whose requests and responses are texts. Prints a line for each: name and result, separated by a tab. The result is "passed",
// or what differs.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Runtime.Serialization.Json;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;
using SmartTokenBroker;

internal static class Conformance
{
    internal const string Broker = "https://broker.test";
    internal const string Key = "stb_fake-key";

    private static void Main(string[] arguments)
    {
        var file = Path.GetFileName(arguments[0]);
        var run = file == "urls.json" ? Tables.RunUrl : file == "requests.json" ? Tables.RunRequest : (Action<XmlElement>)(each => new Script(each).Run());
        foreach (var each in Data.Read(arguments[0]).Items())
        {
            var result = "passed";
            try
            {
                run(each);
            }
            catch (Exception error)
            {
                result = error.ToString().Replace("\n", " | ").Replace("\t", " ");
            }
            Console.WriteLine(each.Text("name") + "\t" + result);
        }
    }

    internal static void Equal(object expected, object received, string what)
    {
        if (Equals(expected, received)) return;
        throw new Exception(what + ": expected " + (expected ?? "none") + ", and received " + (received ?? "none"));
    }
}

/// <summary>JSON as the framework reads it: objects and lists are elements.</summary>
internal static class Data
{
    internal static XmlElement Read(string file)
    {
        var document = new XmlDocument();
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(File.ReadAllBytes(file), XmlDictionaryReaderQuotas.Max)) document.Load(reader);
        return document.DocumentElement;
    }

    internal static XmlElement Member(this XmlElement of, string name) => of?[name];

    internal static IEnumerable<XmlElement> Items(this XmlElement list) =>
        list == null ? Enumerable.Empty<XmlElement>() : list.ChildNodes.OfType<XmlElement>();

    internal static string Text(this XmlElement of, string name, string otherwise = null)
    {
        var member = of[name];
        return member == null || member.GetAttribute("type") == "null" ? otherwise : member.InnerText;
    }

    internal static double Number(this XmlElement of, string name, double otherwise) =>
        of[name] == null ? otherwise : XmlConvert.ToDouble(of[name].InnerText);
}

/// <summary>Time that stands still until a script moves it. All continuations run at once, on the one thread.</summary>
internal sealed class SteppedTime : Runtime
{
    private readonly List<KeyValuePair<TimeSpan, Action>> timers = new List<KeyValuePair<TimeSpan, Action>>();
    private readonly double random;
    private TimeSpan monotonic;
    private DateTimeOffset wall = new DateTimeOffset(2027, 1, 15, 8, 0, 0, TimeSpan.Zero);

    internal SteppedTime(double random)
    {
        this.random = random;
    }

    internal override DateTimeOffset UtcNow => wall;

    internal override TimeSpan Monotonic => monotonic;

    internal override double Random() => random;

    internal override void InBackground(Func<Task> work) => work();

    internal override TaskCompletionSource<T> Completion<T>() => new TaskCompletionSource<T>();

    internal override CancellationTokenSource Timeout(TimeSpan time)
    {
        var source = new CancellationTokenSource();
        At(time, () =>
        {
            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The request ended before.
            }
        });
        return source;
    }

    internal Task Sleep(TimeSpan time)
    {
        var slept = new TaskCompletionSource<bool>();
        At(time, () => slept.SetResult(true));
        return slept.Task;
    }

    internal void MoveWall(TimeSpan time) => wall += time;

    /// <summary>Moves both clocks on. Timers fire at their instants.</summary>
    internal void Advance(TimeSpan time)
    {
        var end = monotonic + time;
        while (FireNext(end))
        {
        }
        StepTo(end);
    }

    /// <summary>Moves both clocks from one timer to the next until some work is complete. Returns the time that it took.</summary>
    internal TimeSpan PassUntil(Task work)
    {
        var begunAt = monotonic;
        while (!work.IsCompleted)
            if (!FireNext(TimeSpan.MaxValue)) throw new Exception("The work waits for something that never happens.");
        return monotonic - begunAt;
    }

    private void At(TimeSpan time, Action fire) => timers.Add(new KeyValuePair<TimeSpan, Action>(monotonic + time, fire));

    private bool FireNext(TimeSpan until)
    {
        var due = timers.Where(each => each.Key <= until).OrderBy(each => each.Key).Take(1).ToList();
        if (due.Count == 0) return false;
        timers.Remove(due[0]);
        StepTo(due[0].Key);
        due[0].Value();
        return true;
    }

    private void StepTo(TimeSpan instant)
    {
        wall += instant - monotonic;
        monotonic = instant;
    }
}

/// <summary>A case: a list of steps in the order of time.</summary>
internal sealed class Script
{
    private readonly XmlElement steps;
    private readonly SteppedTime time;
    private readonly ScriptedNetwork network;
    private readonly BrokerClient client;
    private readonly Dictionary<string, HttpClient> clients = new Dictionary<string, HttpClient>();

    internal Script(XmlElement of)
    {
        steps = of.Member("steps");
        time = new SteppedTime(of.Number("random", 0));
        network = new ScriptedNetwork(time);
        var options = new BrokerOptions
        {
            Broker = Conformance.Broker,
            Credential = Credential.CallerKey("orders", Conformance.Key),
            BrokerHandler = network,
            Margin = TimeSpan.FromSeconds(of.Number("margin", 1200)),
            Timeout = TimeSpan.FromSeconds(of.Number("timeout", 15)),
        };
        client = new BrokerClient(options, time);
    }

    internal void Run()
    {
        var truth = TimeSpan.Zero;
        var wallAhead = TimeSpan.Zero;
        foreach (var step in steps.Items())
        {
            var at = TimeSpan.FromSeconds(step.Number("at", 0));
            if (step.Text("frozen") == "true") time.MoveWall(at - truth);
            else time.Advance(at - truth);
            truth = at;
            var ahead = TimeSpan.FromSeconds(step.Number("wallClock", wallAhead.TotalSeconds));
            time.MoveWall(ahead - wallAhead);
            wallAhead = ahead;
            var expect = step.Member("expect");
            if (expect == null) continue;
            network.Expect(step);
            var calls = Enumerable.Range(0, (int)step.Number("times", 1)).Select(_ => CallAsync(step)).ToList();
            var took = time.PassUntil(Task.WhenAll(calls));
            truth += took;
            time.Advance(TimeSpan.Zero);
            foreach (var call in calls) Check(expect, call.Result, "at " + at.TotalSeconds + " s");
            Conformance.Equal(step.Number("after", 0), took.TotalSeconds, "at " + at.TotalSeconds + " s, seconds of the call");
            Conformance.Equal("", network.Missing(), "at " + at.TotalSeconds + " s, missing");
        }
        Conformance.Equal("", string.Join("; ", network.Unexpected), "unexpected");
    }

    private async Task<object> CallAsync(XmlElement step)
    {
        var connection = client.Connection(step.Text("connection", "webapicorso"));
        try
        {
            if (step.Text("call") == null) return (await connection.TokenAsync()).Reveal();
            var request = new HttpRequestMessage(new HttpMethod(step.Text("method", "GET")), step.Text("path", "/customers"));
            var body = step.Member("body");
            if (body != null)
                request.Content = body.GetAttribute("type") == "string" ? new StringContent(body.InnerText)
                    : (HttpContent)new StreamContent(new ReadOnceStream(body.Text("stream")));
            return (int)(await HttpClientOf(connection).SendAsync(request)).StatusCode;
        }
        catch (BrokerException error)
        {
            return error;
        }
    }

    private HttpClient HttpClientOf(Connection connection) =>
        clients.TryGetValue(connection.Id, out var known) ? known : clients[connection.Id] = connection.CreateHttpClient(network);

    private static void Check(XmlElement expect, object result, string at)
    {
        var type = expect.GetAttribute("type");
        if (type != "object")
        {
            Conformance.Equal(type == "string" ? expect.InnerText : (object)XmlConvert.ToInt32(expect.InnerText), result, at);
            return;
        }
        if (!(result is BrokerException received)) throw new Exception(at + ": expected " + expect.Text("code") + ", and received " + result);
        Conformance.Equal(expect.Text("code"), received.Code, at + ", code");
        Conformance.Equal(false, received.ToString().Contains(Conformance.Key), at + ", shows the credential");
        if (expect.Member("status") != null) Conformance.Equal((int?)expect.Number("status", 0), received.Status, at + ", status");
        if (expect.Member("retryAfter") != null)
            Conformance.Equal((double?)expect.Number("retryAfter", 0), received.RetryAfter?.TotalSeconds, at + ", retryAfter");
        if (expect.Member("requestId") != null) Conformance.Equal(expect.Text("requestId"), received.RequestId, at + ", requestId");
    }
}

/// <summary>Answers as the step says, and notes what differs.</summary>
internal sealed class ScriptedNetwork : HttpMessageHandler
{
    internal readonly List<string> Unexpected = new List<string>();
    private readonly SteppedTime time;
    private Queue<XmlElement> broker;
    private Queue<XmlElement> api;

    internal ScriptedNetwork(SteppedTime time)
    {
        this.time = time;
    }

    internal void Expect(XmlElement step)
    {
        broker = new Queue<XmlElement>(step.Member("broker").Items());
        api = new Queue<XmlElement>(step.Member("api").Items());
    }

    internal string Missing() => string.Join("; ", broker.Concat(api).Select(each => each.Text("request")));

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var text = request.Content == null ? "" : await request.Content.ReadAsStringAsync();
        var isBroker = request.RequestUri.AbsoluteUri == Conformance.Broker + "/oauth/token";
        var received = isBroker ? BrokerRequest(Form.Read(text))
            : string.Join(" ", request.Method, request.RequestUri.AbsoluteUri, request.Headers.Authorization, text);
        var expected = isBroker ? broker : api;
        var next = expected.Count == 0 ? null : expected.Dequeue();
        if (next?.Text("request") == received) return await AnswerAsync(next, request);
        Unexpected.Add("expected " + (next?.Text("request") ?? "no request") + ", and received " + received);
        throw new HttpRequestException(Unexpected.Last());
    }

    private async Task<HttpResponseMessage> AnswerAsync(XmlElement answer, HttpRequestMessage request)
    {
        // Even without "after", no answer comes before all calls of a step have begun.
        await time.Sleep(TimeSpan.FromSeconds(answer.Number("after", 0)));
        if (answer.Member("silent") != null) await new TaskCompletionSource<bool>().Task;
        if (answer.Member("broken") != null) throw new HttpRequestException("The connection was reset.");
        var response = new HttpResponseMessage((HttpStatusCode)(int)answer.Number("status", 0))
        {
            Content = new StringContent(answer.Text("body"), System.Text.Encoding.UTF8, answer.Text("type")),
            RequestMessage = request,
        };
        foreach (var header in answer.Member("headers").Items())
            response.Headers.TryAddWithoutValidation(header.Name, header.InnerText);
        return response;
    }

    private static string BrokerRequest(Dictionary<string, string> form) =>
        "broker: token of " + form["scope"] + (form.TryGetValue("rejected_token_sha256", out var sha256) ? ", rejects " + sha256 : "");
}

internal static class Form
{
    internal static Dictionary<string, string> Read(string text) =>
        text.Split('&').Select(each => each.Split('=')).ToDictionary(each => Decode(each[0]), each => Decode(each[1]));

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}

/// <summary>A stream as from a socket: it cannot go back.</summary>
internal sealed class ReadOnceStream : MemoryStream
{
    internal ReadOnceStream(string text) : base(System.Text.Encoding.UTF8.GetBytes(text))
    {
    }

    public override bool CanSeek => false;
}

/// <summary>The cases that are tables.</summary>
internal static class Tables
{
    /// <summary>What an HttpClient of the handler does with a URL.</summary>
    internal static void RunUrl(XmlElement row)
    {
        var sent = new List<HttpRequestMessage>();
        var broker = new Answers(_ => "{\"access_token\":\"fake-token-1\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"api_base_url\":\"" + row.Text("base") + "\"}");
        var api = new Answers(request =>
        {
            sent.Add(request);
            return "{}";
        });
        var http = Client(Credential.CallerKey("orders", Conformance.Key), broker).Connection("webapicorso").CreateHttpClient(api);
        Exception rejected = null;
        try
        {
            http.GetAsync(row.Text("input")).GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            rejected = error;
        }
        // HttpClient resolves the input before the handler sees it.
        var expected = row.Member("resolved") == null ? row.Text("url") : row.Text("resolved");
        Conformance.Equal(expected, sent.SingleOrDefault()?.RequestUri.AbsoluteUri, "URL");
        if (expected != null) Conformance.Equal(null, rejected, "error");
        else if (!(rejected is InvalidOperationException || rejected is ArgumentException))
            throw new Exception("expected an error, and received " + rejected);
    }

    /// <summary>What a client sends to the broker.</summary>
    internal static void RunRequest(XmlElement row)
    {
        var of = row.Member("credential");
        var credential = of.Text("kind") == "jwt" ? Credential.Jwt(_ => Task.FromResult(of.Text("jwt")))
            : Credential.CallerKey(of.Text("name"), of.Text("key"));
        var received = new List<string>();
        var broker = new Answers(request =>
        {
            Conformance.Equal(null, request.Headers.Authorization, "Authorization");
            Conformance.Equal("application/x-www-form-urlencoded", request.Content.Headers.ContentType.MediaType, "Content-Type");
            received.Add(request.Method + " " + request.RequestUri.AbsolutePath);
            var sent = Form.Read(request.Content.ReadAsStringAsync().Result);
            received.AddRange(sent.OrderBy(each => each.Key).Select(each => each.Key + "=" + each.Value));
            return "{}";
        });
        var connection = Client(credential, broker).Connection(row.Text("connection"));
        if (row.Member("rejects") == null) connection.TokenAsync().ContinueWith(done => done.Exception).Wait();
        else
        {
            var token = new AccessToken(row.Text("rejects"), connection.Id, null, null, DateTimeOffset.UtcNow);
            connection.ReplacementOfAsync(token).Wait();
        }
        var expected = row.Member("request");
        var form = expected.Member("form").Items().OrderBy(each => each.Name).Select(each => each.Name + "=" + each.InnerText);
        var lines = new[] { expected.Text("method") + " " + expected.Text("path") }.Concat(form);
        Conformance.Equal(string.Join("\n", lines), string.Join("\n", received), "request");
    }

    private static BrokerClient Client(Credential credential, HttpMessageHandler broker) =>
        new BrokerClient(new BrokerOptions { Broker = Conformance.Broker, Credential = credential, BrokerHandler = broker }, new SteppedTime(0));

    private sealed class Answers : HttpMessageHandler
    {
        private readonly Func<HttpRequestMessage, string> answer;

        internal Answers(Func<HttpRequestMessage, string> answer)
        {
            this.answer = answer;
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage { Content = new StringContent(answer(request)), RequestMessage = request });
    }
}
