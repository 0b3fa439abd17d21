using System.Text.Json;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>
/// The protocol as a table: who says what in which state, and what the answer is. The states: <c>nobody</c> has just connected, <c>ann</c> is logged in with the
/// secret <c>s1</c>, <c>anonymous</c> is logged in, <c>server</c> has authenticated.
/// </summary>
public sealed class ConformanceTests : IAsyncLifetime
{
    private const string Activity = """ "activity":{"type":"Note"}""";

    private TestServer _server = null!; // Set before any test.

    public static TheoryData<string, string, string> Answers => new()
    {
        // AUTHENTICATE: always and only the first message of a server.
        { "nobody", """{"command":"AUTHENTICATE","secret":"the-secret-of-servers"}""", "SERVER_ANNOUNCE" },
        { "nobody", """{"command":"AUTHENTICATE","secret":"wrong"}""", "AUTHENTICATION_FAIL, end" },
        { "nobody", """{"command":"AUTHENTICATE","secret":""}""", "AUTHENTICATION_FAIL, end" },
        { "nobody", """{"command":"AUTHENTICATE"}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"AUTHENTICATE","secret":null}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"AUTHENTICATE","secret":5}""", "INVALID_MESSAGE secret, end" },
        { "server", """{"command":"AUTHENTICATE","secret":"the-secret-of-servers"}""", "INVALID_MESSAGE authenticated, end" },
        { "ann", """{"command":"AUTHENTICATE","secret":"the-secret-of-servers"}""", "INVALID_MESSAGE client, end" },
        { "registered", """{"command":"AUTHENTICATE","secret":"the-secret-of-servers"}""", "INVALID_MESSAGE client, end" },

        // LOGIN.
        { "nobody", """{"command":"LOGIN","username":"ann","secret":"s1"}""", "LOGIN_SUCCESS ann" },
        { "nobody", """{"command":"LOGIN","username":"anonymous"}""", "LOGIN_SUCCESS anonymous" },
        { "nobody", """{"command":"LOGIN","username":"anonymous","secret":"whatever"}""", "LOGIN_SUCCESS anonymous" },
        { "nobody", """{"command":"LOGIN","username":"anonymous","secret":""}""", "LOGIN_SUCCESS anonymous" },
        { "nobody", """{"command":"LOGIN","username":"anonymous","secret":{"a":[1]}}""", "LOGIN_SUCCESS anonymous" },
        { "nobody", """{"command":"LOGIN","username":"ann","secret":"s2"}""", "LOGIN_FAILED, end" },
        { "nobody", """{"command":"LOGIN","username":"ann","secret":""}""", "LOGIN_FAILED, end" },
        { "nobody", """{"command":"LOGIN","username":"unknown","secret":"s1"}""", "LOGIN_FAILED, end" },
        { "nobody", """{"command":"LOGIN","username":"no such name!","secret":"s1"}""", "LOGIN_FAILED, end" },
        { "nobody", """{"command":"LOGIN","username":"","secret":"s1"}""", "LOGIN_FAILED, end" },
        { "nobody", """{"command":"LOGIN","username":"ann"}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"LOGIN","secret":"s1"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"LOGIN"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"LOGIN","username":7,"secret":"s1"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"LOGIN","username":"ann","secret":true}""", "INVALID_MESSAGE secret, end" },
        { "ann", """{"command":"LOGIN","username":"ann","secret":"s1"}""", "INVALID_MESSAGE already, end" },
        { "anonymous", """{"command":"LOGIN","username":"ann","secret":"s1"}""", "INVALID_MESSAGE already, end" },
        { "server", """{"command":"LOGIN","username":"ann","secret":"s1"}""", "INVALID_MESSAGE LOGIN, end" },

        // LOGOUT.
        { "ann", """{"command":"LOGOUT"}""", "end" },
        { "anonymous", """{"command":"LOGOUT","info":"bye"}""", "end" },
        { "nobody", """{"command":"LOGOUT"}""", "end" },
        { "server", """{"command":"LOGOUT"}""", "INVALID_MESSAGE LOGOUT, end" },

        // REGISTER.
        { "nobody", """{"command":"REGISTER","username":"new","secret":"s"}""", "REGISTER_SUCCESS new" },
        { "registered", """{"command":"REGISTER","username":"new","secret":"s"}""", "REGISTER_SUCCESS new" },
        { "registered", """{"command":"LOGIN","username":"ann","secret":"s1"}""", "LOGIN_SUCCESS ann" },
        { "nobody", """{"command":"REGISTER","username":"ann","secret":"s1"}""", "REGISTER_FAILED ann, end" },
        { "nobody", """{"command":"REGISTER","username":"ann","secret":"other"}""", "REGISTER_FAILED ann, end" },
        { "nobody", """{"command":"REGISTER","username":"anonymous","secret":"s"}""", "REGISTER_FAILED anonymous, end" },
        { "nobody", """{"command":"REGISTER","username":"anonymous","secret":""}""", "REGISTER_FAILED anonymous, end" },
        { "nobody", """{"command":"REGISTER","username":"anonymous"}""", "REGISTER_FAILED anonymous, end" },
        { "nobody", """{"command":"REGISTER","username":"operator","secret":"s"}""", "REGISTER_FAILED operator, end" },
        { "nobody", """{"command":"REGISTER","username":"no such name!","secret":"s"}""", "REGISTER_FAILED username, end" },
        { "nobody", """{"command":"REGISTER","username":"","secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"REGISTER","username":"new","secret":""}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"REGISTER","username":"new"}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"REGISTER","secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"REGISTER","username":["new"],"secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"REGISTER","username":"new","secret":12}""", "INVALID_MESSAGE secret, end" },
        { "ann", """{"command":"REGISTER","username":"new","secret":"s"}""", "INVALID_MESSAGE REGISTER, end" },
        { "anonymous", """{"command":"REGISTER","username":"new","secret":"s"}""", "INVALID_MESSAGE REGISTER, end" },
        { "server", """{"command":"REGISTER","username":"new","secret":"s"}""", "INVALID_MESSAGE REGISTER, end" },

        // ACTIVITY_MESSAGE.
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s1\"," + Activity + "}", "ACTIVITY_BROADCAST" },
        { "anonymous", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"anonymous\"," + Activity + "}", "ACTIVITY_BROADCAST" },
        { "anonymous", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"anonymous\",\"secret\":\"x\"," + Activity + "}", "ACTIVITY_BROADCAST" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s2\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"bob\",\"secret\":\"s1\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"anonymous\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "anonymous", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s1\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "nobody", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s1\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "nobody", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"anonymous\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "registered", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s1\"," + Activity + "}", "AUTHENTICATION_FAIL, end" },
        { "ann", """{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1"}""", "INVALID_MESSAGE activity, end" },
        { "ann", """{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":null}""", "INVALID_MESSAGE activity, end" },
        { "ann", """{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":"text"}""", "INVALID_MESSAGE activity, end" },
        { "ann", """{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":[{}]}""", "INVALID_MESSAGE activity, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"secret\":\"s1\"," + Activity + "}", "INVALID_MESSAGE username, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\"," + Activity + "}", "INVALID_MESSAGE secret, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":1,\"secret\":\"s1\"," + Activity + "}", "INVALID_MESSAGE username, end" },
        { "ann", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":1," + Activity + "}", "INVALID_MESSAGE secret, end" },
        { "server", "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"ann\",\"secret\":\"s1\"," + Activity + "}", "INVALID_MESSAGE ACTIVITY_MESSAGE, end" },

        // SERVER_ANNOUNCE: servers only.
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"10.0.0.1","port":3570}""", "" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":"5","hostname":"[::1]","port":"3570"}""", "" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"\/10.0.0.1","port":3570}""", "" },
        { "server", """{"port":3570,"extra":{"a":[1,{}]},"load":0,"hostname":"a.example","id":"x","command":"SERVER_ANNOUNCE"}""", "" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5.0,"hostname":"h","port":3.57e3}""", "" },
        { "server", """{"command":"SERVER_ANNOUNCE","load":5,"hostname":"h","port":3570}""", "INVALID_MESSAGE id, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"","load":5,"hostname":"h","port":3570}""", "INVALID_MESSAGE id, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":9,"load":5,"hostname":"h","port":3570}""", "INVALID_MESSAGE id, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":-1,"hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":1.5,"hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":99999999999999999999,"hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":"5.0","hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":"many","hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":[5],"hostname":"h","port":3570}""", "INVALID_MESSAGE load, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"port":3570}""", "INVALID_MESSAGE hostname, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"","port":3570}""", "INVALID_MESSAGE hostname, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"a b","port":3570}""", "INVALID_MESSAGE hostname, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":127001,"port":3570}""", "INVALID_MESSAGE hostname, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"h"}""", "INVALID_MESSAGE port, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"h","port":0}""", "INVALID_MESSAGE port, end" },
        { "server", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"h","port":65536}""", "INVALID_MESSAGE port, end" },
        { "nobody", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"h","port":3570}""", "INVALID_MESSAGE servers, end" },
        { "ann", """{"command":"SERVER_ANNOUNCE","id":"x","load":5,"hostname":"h","port":3570}""", "INVALID_MESSAGE servers, end" },

        // ACTIVITY_BROADCAST: from servers only.
        { "server", "{\"command\":\"ACTIVITY_BROADCAST\"," + Activity + "}", "" },
        { "server", """{"command":"ACTIVITY_BROADCAST","activity":{}}""", "" },
        { "server", """{"command":"ACTIVITY_BROADCAST"}""", "INVALID_MESSAGE activity, end" },
        { "server", """{"command":"ACTIVITY_BROADCAST","activity":5}""", "INVALID_MESSAGE activity, end" },
        { "nobody", "{\"command\":\"ACTIVITY_BROADCAST\"," + Activity + "}", "INVALID_MESSAGE servers, end" },
        { "ann", "{\"command\":\"ACTIVITY_BROADCAST\"," + Activity + "}", "INVALID_MESSAGE servers, end" },

        // LOCK_REQUEST, LOCK_DENIED, LOCK_ALLOWED: from servers only.
        { "server", """{"command":"LOCK_REQUEST","username":"new","secret":"s"}""", "LOCK_ALLOWED new s" },
        { "server", """{"command":"LOCK_REQUEST","username":"ann","secret":"s1"}""", "LOCK_ALLOWED ann s1" },
        { "server", """{"command":"LOCK_REQUEST","username":"ann","secret":"other"}""", "LOCK_DENIED ann other" },
        { "server", """{"command":"LOCK_REQUEST","username":"anonymous","secret":"s"}""", "LOCK_DENIED anonymous s" },
        { "server", """{"command":"LOCK_REQUEST","username":"","secret":"s"}""", "LOCK_DENIED  s" },
        { "server", """{"command":"LOCK_REQUEST","username":"no such name!","secret":"s"}""", "LOCK_DENIED no such name! s" },
        { "server", """{"command":"LOCK_REQUEST","secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "server", """{"command":"LOCK_REQUEST","username":"new"}""", "INVALID_MESSAGE secret, end" },
        { "server", """{"command":"LOCK_REQUEST","username":5,"secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "server", """{"command":"LOCK_REQUEST","username":"new","secret":5}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"LOCK_REQUEST","username":"new","secret":"s"}""", "INVALID_MESSAGE servers, end" },
        { "ann", """{"command":"LOCK_REQUEST","username":"new","secret":"s"}""", "INVALID_MESSAGE servers, end" },
        { "server", """{"command":"LOCK_DENIED","username":"new","secret":"s"}""", "" },
        { "server", """{"command":"LOCK_DENIED","secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "server", """{"command":"LOCK_DENIED","username":"new"}""", "INVALID_MESSAGE secret, end" },
        { "server", """{"command":"LOCK_DENIED","username":{},"secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "nobody", """{"command":"LOCK_DENIED","username":"ann","secret":"s1"}""", "INVALID_MESSAGE servers, end" },
        { "ann", """{"command":"LOCK_DENIED","username":"ann","secret":"s1"}""", "INVALID_MESSAGE servers, end" },
        { "server", """{"command":"LOCK_ALLOWED","username":"new","secret":"s"}""", "" },
        { "server", """{"command":"LOCK_ALLOWED","username":"new","secret":"s","server":"x"}""", "" },
        { "server", """{"command":"LOCK_ALLOWED","username":"new","secret":"s","server":17}""", "" },
        { "server", """{"command":"LOCK_ALLOWED","secret":"s"}""", "INVALID_MESSAGE username, end" },
        { "server", """{"command":"LOCK_ALLOWED","username":"new"}""", "INVALID_MESSAGE secret, end" },
        { "server", """{"command":"LOCK_ALLOWED","username":"new","secret":false}""", "INVALID_MESSAGE secret, end" },
        { "nobody", """{"command":"LOCK_ALLOWED","username":"new","secret":"s"}""", "INVALID_MESSAGE servers, end" },
        { "ann", """{"command":"LOCK_ALLOWED","username":"new","secret":"s"}""", "INVALID_MESSAGE servers, end" },

        // What only servers say to clients.
        { "ann", """{"command":"REDIRECT","hostname":"h","port":1}""", "INVALID_MESSAGE REDIRECT, end" },
        { "ann", """{"command":"LOGIN_SUCCESS","info":"x"}""", "INVALID_MESSAGE LOGIN_SUCCESS, end" },
        { "ann", """{"command":"LOGIN_FAILED","info":"x"}""", "INVALID_MESSAGE LOGIN_FAILED, end" },
        { "ann", """{"command":"REGISTER_SUCCESS","info":"x"}""", "INVALID_MESSAGE REGISTER_SUCCESS, end" },
        { "ann", """{"command":"REGISTER_FAILED","info":"x"}""", "INVALID_MESSAGE REGISTER_FAILED, end" },
        { "server", """{"command":"REDIRECT","hostname":"h","port":1}""", "INVALID_MESSAGE REDIRECT, end" },

        // Whoever is told that it was wrong closes, and says nothing.
        { "nobody", """{"command":"INVALID_MESSAGE","info":"x"}""", "end" },
        { "ann", """{"command":"INVALID_MESSAGE"}""", "end" },
        { "server", """{"command":"INVALID_MESSAGE","info":"x"}""", "end" },
        { "server", """{"command":"AUTHENTICATION_FAIL","info":"x"}""", "end" },

        // What is no message.
        { "nobody", """{"command":"HELLO"}""", "INVALID_MESSAGE HELLO, end" },
        { "ann", """{"command":"SERVER_GONE","id":"x"}""", "INVALID_MESSAGE SERVER_GONE, end" },
        { "server", """{"command":"SERVER_GONE","id":"x"}""", "INVALID_MESSAGE SERVER_GONE, end" },
        { "nobody", """{"command":"login","username":"anonymous"}""", "INVALID_MESSAGE login, end" },
        { "nobody", """{"username":"anonymous"}""", "INVALID_MESSAGE command, end" },
        { "nobody", """{"command":null}""", "INVALID_MESSAGE command, end" },
        { "nobody", """{"command":5}""", "INVALID_MESSAGE command, end" },
        { "nobody", "{}", "INVALID_MESSAGE command, end" },
        { "nobody", "", "INVALID_MESSAGE empty, end" },
        { "ann", "   ", "INVALID_MESSAGE empty, end" },
        { "server", "\r", "INVALID_MESSAGE empty, end" },
        { "nobody", "hello", "INVALID_MESSAGE JSON, end" },
        { "nobody", """["command","LOGIN"]""", "INVALID_MESSAGE object, end" },
        { "nobody", """{"command":"LOGIN","username":"anonymous"} {}""", "INVALID_MESSAGE JSON, end" },
        { "nobody", """{"command":"LOGIN","username":"anonymous" """, "INVALID_MESSAGE JSON, end" },

        // A tolerant reader.
        { "nobody", """  {  "more" : [ { } ] , "username" : "anonymous" , "command" : "LOGIN" }  """, "LOGIN_SUCCESS anonymous" },
        { "nobody", "{\"command\":\"LOGIN\",\"username\":\"anonymous\"}\r", "LOGIN_SUCCESS anonymous" },
        { "nobody", """{"command":"LOGIN","username":"\u0061nn","secret":"s\u0031"}""", "LOGIN_SUCCESS ann" },
    };

    public async ValueTask InitializeAsync()
    {
        _server = await StreamerClient.ServeAsync();
        await _server.SendAsync(HttpMethod.Post, "/v1/accounts", """{"username": "ann", "secret": "s1"}""");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task Every_message_in_every_state_is_answered_as_the_protocol_says(string state, string message, string answers)
    {
        using var client = await InStateAsync(state);

        await client.SendAsync(message);

        var isServer = state == "server";
        foreach (var answer in answers.Split(", ", StringSplitOptions.RemoveEmptyEntries))
        {
            if (answer == "end")
            {
                await client.ExpectEndAsync();
                return;
            }

            var space = answer.IndexOf(' ', StringComparison.Ordinal);
            var command = space < 0 ? answer : answer[..space];
            var received = await client.ExpectAsync(command);
            isServer |= command == "SERVER_ANNOUNCE";
            Check(received, space < 0 ? "" : answer[(space + 1)..]);
        }

        await CheckIsOpenAsync(client, isServer, isLoggedIn: state is "ann" or "anonymous" || answers.StartsWith("LOGIN_SUCCESS", StringComparison.Ordinal));
    }

    private static void Check(JsonElement received, string wanted)
    {
        switch (received.GetProperty("command").GetString())
        {
            case "LOCK_ALLOWED" or "LOCK_DENIED":
                Assert.Equal(wanted, $"{received.GetProperty("username").GetString()} {received.GetProperty("secret").GetString()}");
                Assert.Equal(3, received.EnumerateObject().Count());
                break;
            case "ACTIVITY_BROADCAST":
                Assert.Equal("Note", received.GetProperty("activity").GetProperty("type").GetString());
                break;
            case "SERVER_ANNOUNCE":
                Assert.Equal(JsonValueKind.Number, received.GetProperty("load").ValueKind);
                Assert.Equal(JsonValueKind.Number, received.GetProperty("port").ValueKind);
                break;
            default:
                Assert.Contains(wanted, received.GetProperty("info").GetString(), StringComparison.Ordinal);
                Assert.Equal(2, received.EnumerateObject().Count());
                break;
        }
    }

    /// <summary>Whoever was not closed is answered still.</summary>
    private static async Task CheckIsOpenAsync(StreamerClient client, bool isServer, bool isLoggedIn)
    {
        if (isServer)
        {
            await client.SettleAsync();
            return;
        }

        await client.SendAsync(isLoggedIn ? """{"command":"LOGIN"}""" : """{"command":"LOGIN","username":"anonymous"}""");
        await client.ExpectAsync(isLoggedIn ? "INVALID_MESSAGE" : "LOGIN_SUCCESS");
    }

    private async Task<StreamerClient> InStateAsync(string state)
    {
        switch (state)
        {
            case "anonymous":
                return await StreamerClient.AnonymousAsync(_server);
            case "server":
                return await StreamerClient.PeerAsync(_server);
        }

        var client = await StreamerClient.ConnectAsync(_server);
        if (state == "registered")
        {
            await client.SendAsync("""{"command":"REGISTER","username":"first","secret":"s"}""");
            await client.ExpectAsync("REGISTER_SUCCESS");
        }
        else if (state == "ann")
        {
            await client.SendAsync("""{"command":"LOGIN","username":"ann","secret":"s1"}""");
            await client.ExpectAsync("LOGIN_SUCCESS");
        }

        return client;
    }
}
