using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Stentor.Cli.Tests.ActivityStreamer;

/// <summary><c>stentor activity-streamer</c> against servers that play a script.</summary>
public sealed class ActivityStreamerTests
{
    private const string Broadcast = """{"command":"ACTIVITY_BROADCAST","activity":{"type":"Note","content":"hello","authenticated_user":"ada"}}""";

    [Fact(Timeout = 30_000)]
    public async Task What_is_typed_is_published_and_what_is_broadcast_is_shown()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptLoginAsync();

        await run.TypeAsync("", "hello \"world\"", """  { "type":"Like",  "n": 1.0 }""");
        Assert.Equal("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"type":"Note","content":"hello \"world\""}}""", await client.ReadAsync());
        Assert.Equal("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"type":"Like","n":1.0}}""", await client.ReadAsync());
        await client.SendAsync(Broadcast);
        Assert.Equal("ada: hello", await run.ReadAsync());

        await run.EndInputAsync();
        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("""{"content":"c","summary":"s","authenticated_user":"ada"}""", "ada: c")]
    [InlineData("""{"content":7,"summary":"s","name":"n"}""", "(nobody): s")]
    [InlineData("""{"content":"","name":"n","type":"t","authenticated_user":"ada"}""", "ada: n")]
    [InlineData("""{"type":"Like","authenticated_user":"ada"}""", "ada: Like")]
    [InlineData("""{ "a": [1, 2], "authenticated_user": "ada" }""", """ada: {"a":[1,2],"authenticated_user":"ada"}""")]
    [InlineData("""{"content":"a\u001b[2Jb\nc","authenticated_user":"ad\u0007a"}""", """ad\u0007a: a\u001b[2Jb\u000ac""")]
    [InlineData("{\"content\":\"a\u009b2J\",\"authenticated_user\":\"ada\"}", """ada: a\u009b2J""")]
    public async Task An_activity_is_a_line_for_people_without_control_characters(string activity, string line)
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--anonymous", "--server", server.Address);
        using var client = await server.AcceptLoginAsync();

        await client.SendAsync($$"""{"command":"ACTIVITY_BROADCAST","activity":{{activity}}}""");

        Assert.Equal(line, await run.ReadAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task For_programs_activities_are_compact_JSON_one_a_line()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--json", "--server", server.Address);
        using var client = await server.AcceptLoginAsync();

        await client.SendAsync("""{"activity": { "content" : "a\u001b[2J \u0061" , "n":[ 1 ] }, "command":"ACTIVITY_BROADCAST"}""", "{\"command\":\"ACTIVITY_BROADCAST\",\"activity\":{\"content\":\"\u009b\"}}");

        Assert.Equal("""{"content":"a\u001b[2J \u0061","n":[1]}""", await run.ReadAsync());
        Assert.Equal("""{"content":"\u009b"}""", await run.ReadAsync());
    }

    [Fact(Timeout = 30_000)]
    public async Task A_user_logs_in_with_the_secret_of_a_file_and_publishes_with_it()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address, "--username", "ada", "--secret-file", SecretFile("correct-horse"));
        using var client = await server.AcceptLoginAsync("""{"command":"LOGIN","username":"ada","secret":"correct-horse"}""");

        await run.TypeAsync("hello");
        Assert.Equal("""{"command":"ACTIVITY_MESSAGE","username":"ada","secret":"correct-horse","activity":{"type":"Note","content":"hello"}}""", await client.ReadAsync());
        await run.EndInputAsync();
        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task The_options_of_the_skeleton_of_2016_are_known_and_go_before_variables()
    {
        using var server = new ScriptedServer();
        var variables = new Dictionary<string, string> { ["STENTOR_SERVER"] = "http://127.0.0.1:5050", ["STENTOR_SECRET_FILE"] = "nowhere" };
        using var run = StreamerRun.StartWith(variables, "-u", "ada", "-s", "correct-horse", "-rh", "127.0.0.1", "-rp", $"{server.Port}");

        using var client = await server.AcceptLoginAsync("""{"command":"LOGIN","username":"ada","secret":"correct-horse"}""");
        await run.EndInputAsync();
        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_username_is_registered_and_logged_in_on_one_connection()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address, "--username", "ada", "--register");

        using var client = await server.AcceptAsync();
        var register = JsonNode.Parse((await client.ReadAsync())!)!;
        await client.SendAsync("""{"command":"REGISTER_SUCCESS","info":"register success for ada"}""");
        var login = JsonNode.Parse((await client.ReadAsync())!)!;
        await client.SendAsync("""{"command":"LOGIN_SUCCESS","info":"logged in as user ada"}""");
        await run.EndInputAsync();
        await client.EndAsync();

        Assert.Equal(0, await run.Exit);
        Assert.Equal(("REGISTER", "ada", "LOGIN", "ada"), ((string?)register["command"], (string?)register["username"], (string?)login["command"], (string?)login["username"]));
        Assert.Matches("^[a-z0-9]{26}$", (string?)register["secret"]);
        Assert.Equal((string?)register["secret"], (string?)login["secret"]);
        Assert.Contains($"The secret of ada is {register["secret"]} ", await run.ReadErrorAsync("secret"), StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("REGISTER_FAILED", true)]
    [InlineData("INVALID_MESSAGE", true)]
    [InlineData("LOGIN_FAILED", false)]
    [InlineData("AUTHENTICATION_FAIL", false)]
    [InlineData("INVALID_MESSAGE", false)]
    public async Task A_refusal_ends_it_with_the_servers_reason(string command, bool registers)
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start(["--server", server.Address, "--username", "ada", "--secret", "x", .. registers ? (string[])["--register"] : []]);

        using var client = await server.AcceptAsync();
        await client.ReadAsync();
        await client.SendAsync($$"""{"info":"not\u001b[2J you","command":"{{command}}"}""");
        client.Dispose();

        Assert.Equal(1, await run.Exit);
        Assert.Equal($"stentor activity-streamer: {server.Address} says {command}: not?[2J you", await run.ReadErrorAsync(command));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_refusal_after_the_login_ends_it_too()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptLoginAsync();

        await run.TypeAsync("hello");
        await client.ReadAsync();
        await client.SendAsync("""{"command":"AUTHENTICATION_FAIL"}""");

        Assert.Equal(1, await run.Exit);
        Assert.EndsWith("says AUTHENTICATION_FAIL and not why.", await run.ReadErrorAsync("AUTHENTICATION_FAIL"), StringComparison.Ordinal);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(true)]
    [InlineData(false)] // Odd servers send clients on before they answer.
    public async Task Who_is_sent_elsewhere_logs_in_there_and_publishes_only_there(bool isAnswered)
    {
        using var first = new ScriptedServer();
        using var second = new ScriptedServer();
        using var run = StreamerRun.Start("--server", first.Address, "--username", "ada", "--secret", "x", "--register");
        await run.TypeAsync("hello");
        await run.EndInputAsync();

        const string Login = """{"command":"LOGIN","username":"ada","secret":"x"}""";
        using var before = await first.AcceptAsync();
        Assert.Equal("""{"command":"REGISTER","username":"ada","secret":"x"}""", await before.ReadAsync());
        await before.SendAsync("""{"command":"REGISTER_SUCCESS"}""");
        Assert.Equal(Login, await before.ReadAsync());
        await before.SendAsync([.. isAnswered ? (string[])["""{"command":"LOGIN_SUCCESS"}"""] : [], second.Redirect]);
        Assert.Null(await before.ReadAsync());

        using var after = await second.AcceptLoginAsync(Login);
        Assert.Contains("\"content\":\"hello\"", await after.ReadAsync(), StringComparison.Ordinal);
        await after.EndAsync();
        Assert.Equal(0, await run.Exit);
        Assert.Equal($"{first.Address} sends this client on to {second.Address}.", await run.ReadErrorAsync("sends"));
    }

    [Fact(Timeout = 30_000)]
    public async Task Who_is_sent_to_a_server_that_is_gone_comes_back_to_the_one_that_said_so()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", ScriptedServer.DeadAddress(), "--server", server.Address);
        var dead = ScriptedServer.DeadAddress();

        using var before = await server.AcceptLoginAsync();
        await before.SendAsync($$"""{"command":"REDIRECT","hostname":"127.0.0.1","port":"{{dead.Split(':')[1]}}"}""");

        using var after = await server.AcceptLoginAsync();
        await after.SendAsync(Broadcast);
        Assert.Equal("ada: hello", await run.ReadAsync());
        Assert.Equal($"{dead}: Connection refused. Trying {server.Address}.", await run.ReadErrorAsync($"{dead}: "));
    }

    [Fact(Timeout = 30_000)]
    public async Task Who_is_sent_around_in_circles_gives_up()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);

        for (var i = 0; i < 11; i++)
        {
            using var client = await server.AcceptLoginAsync();
            await client.SendAsync(server.Redirect);
            Assert.Null(await client.ReadAsync());
        }

        Assert.Equal(1, await run.Exit);
        Assert.Contains("10 servers in a row", await run.ReadErrorAsync("in a row"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_lost_connection_is_made_again_and_what_was_typed_meanwhile_is_published()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using (await server.AcceptLoginAsync())
        {
            await run.ReadErrorAsync("Logged in");
        }

        await run.ReadErrorAsync("it closed the connection. Trying");
        await run.TypeAsync("one", "two");
        await run.EndInputAsync();

        using var client = await server.AcceptLoginAsync();
        Assert.Contains("\"content\":\"one\"", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Contains("\"content\":\"two\"", await client.ReadAsync(), StringComparison.Ordinal);
        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_connection_that_breaks_soon_after_a_publish_is_a_doubt_and_so_a_failure_for_a_script()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using (var first = await server.AcceptLoginAsync())
        {
            await run.TypeAsync("hello");
            await first.ReadAsync();
            first.Break();
        }

        await run.ReadErrorAsync("may not have arrived");
        await run.EndInputAsync();
        using var second = await server.AcceptLoginAsync();
        await second.EndAsync();

        Assert.Equal(1, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task Servers_are_tried_in_order_and_when_none_is_there_it_fails()
    {
        var (one, two) = (ScriptedServer.DeadAddress(), ScriptedServer.DeadAddress());
        using var run = StreamerRun.Start("--server", one, "--server", two);

        Assert.Equal(1, await run.Exit);
        Assert.Equal($"{one}: Connection refused. Trying {two}.", await run.ReadErrorAsync(one));
        Assert.Equal($"stentor activity-streamer: {two}: Connection refused. None of the servers could be used.", await run.ReadErrorAsync(two));
    }

    [Fact(Timeout = 30_000)]
    public async Task Who_stops_it_is_logged_out_although_the_input_goes_on()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptLoginAsync();
        await run.ReadErrorAsync("Logged in");

        await run.StopAsync();

        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task After_the_input_it_listens_for_as_long_as_it_is_told()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address, "--wait", "86400");
        using var client = await server.AcceptLoginAsync();
        await run.TypeAsync("hello");
        await run.EndInputAsync();

        await client.ReadAsync();
        await client.SendAsync(Broadcast);

        Assert.Equal("ada: hello", await run.ReadAsync());
        await run.StopAsync();
        await client.EndAsync();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task What_comes_between_the_goodbye_and_the_end_is_still_shown()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptLoginAsync();
        await run.TypeAsync("hello");
        await run.EndInputAsync();
        await client.ReadAsync();

        Assert.Equal("""{"command":"LOGOUT"}""", await client.ReadAsync());
        await client.SendAsync(Broadcast);

        Assert.Equal("ada: hello", await run.ReadAsync());
        client.Dispose();
        Assert.Equal(0, await run.Exit);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_odd_server_is_understood()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptAsync();

        await client.ReadAsync();
        await client.SendRawAsync("\r\n");
        await client.SendRawAsync("""{"info":"hi","load":"3","command":"WELCOME"}""" + "\r\n");
        await client.SendRawAsync("""{ "info" : null, "extra":[{}], "command":"LOGIN\u005fSUCCESS" }""" + "\r\n");
        await client.SendRawAsync("""{"command":"SERVER_ANNOUNCE","id":"x","load":"3","hostname":"h","port":"1"}""" + "\r\n");
        await client.SendRawAsync("""{"activity":{"authenticated_user":"ada","object":{"url":"http:\/\/example.org\/"},"content":"a\/b"},"command":"ACTIVITY_BROADCAST"}""" + "\r\n");
        Assert.Equal("ada: a/b", await run.ReadAsync());

        // The last line feed is missing.
        await client.SendRawAsync("""{"command":"INVALID_MESSAGE","info":"enough"}""");
        client.Dispose();
        Assert.Equal(1, await run.Exit);
        await run.ReadErrorAsync("enough");
    }

    [Theory(Timeout = 30_000)]
    [InlineData("nonsense", "This is not JSON")]
    [InlineData("""{"command":"ACTIVITY_BROADCAST","activity":[]}""", "`activity` must be an object")]
    [InlineData("", "the line is longer than 262144 bytes")] // A line of 300 KB, made in the test.
    public async Task What_is_no_message_is_told_to_the_server_and_the_connection_made_again(string line, string fault)
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using (var first = await server.AcceptLoginAsync())
        {
            await first.SendAsync(line.Length > 0 ? line : new string('x', 300_000));

            var answer = JsonNode.Parse((await first.ReadAsync())!)!;
            Assert.Equal("INVALID_MESSAGE", (string?)answer["command"]);
            Assert.Contains(fault, (string?)answer["info"], StringComparison.Ordinal);
            Assert.Null(await first.ReadAsync());
        }

        using var second = await server.AcceptLoginAsync();
        Assert.Contains(fault, await run.ReadErrorAsync("no message"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_line_that_cannot_be_published_is_reported_and_the_others_are()
    {
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", server.Address);
        using var client = await server.AcceptLoginAsync();

        await run.TypeAsync("{nonsense", """{"a":1,"a":2}""", new string('x', 70_000), "fine");
        await run.EndInputAsync();

        Assert.Contains("\"content\":\"fine\"", await client.ReadAsync(), StringComparison.Ordinal);
        await client.EndAsync();
        Assert.Equal(1, await run.Exit);
        Assert.Contains("This is not JSON", await run.ReadErrorAsync("Line 1 is not published"), StringComparison.Ordinal);
        Assert.Contains("stands twice", await run.ReadErrorAsync("Line 2 is not published"), StringComparison.Ordinal);
        Assert.Contains("the most is 65536", await run.ReadErrorAsync("Line 3 is not published"), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_certificate_that_nobody_vouches_for_is_not_accepted()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var server = new ScriptedServer();
        using var run = StreamerRun.Start("--server", $"tls://{server.Address}");

        using var client = await server.AcceptAsync();
        await using (var tls = new SslStream(client.Stream))
        {
            await tls.AuthenticateAsServerAsync(certificate);
            Assert.Equal(1, await run.Exit);
        }

        Assert.Contains("certificate", await run.ReadErrorAsync($"tls://{server.Address}: "), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--server nonsense", "'nonsense' is not a value for --server: HOST:PORT like 127.0.0.1:3780")]
    [InlineData("--server h:0", "is not a value for --server")]
    [InlineData("--server ::1:3780", "is not a value for --server")]
    [InlineData("--server http://h:1", "is not a value for --server")]
    [InlineData("--server h:1 -rp 2", "give one of them")]
    [InlineData("-rp 65536", "'65536' is not a value for -rp")]
    [InlineData("-rh a/b", "'a/b' is not a value for -rh")]
    [InlineData("--register", "--register needs --username")]
    [InlineData("--register --username anonymous", "--register needs --username")]
    [InlineData("--secret x", "--secret needs --username")]
    [InlineData("--anonymous --secret-file x", "--secret-file needs --username")]
    [InlineData("--anonymous --username ada", "give one of them")]
    [InlineData("--username ada", "--username needs --secret-file FILE")]
    [InlineData("--username ada --secret x --secret-file y", "give one of them")]
    [InlineData("--username ada --secret-file nowhere", "The secret cannot be read")]
    [InlineData("--wait -1", "--wait")]
    public async Task A_wrong_command_line_ends_with_2_and_says_what_was_meant(string line, string complaint)
    {
        var run = new CommandRun();

        Assert.Equal(2, await run.RunAsync(["activity-streamer", .. line.Split(' ')]));

        Assert.Contains(complaint, run.Error, StringComparison.Ordinal);
    }

    private static string SecretFile(string secret)
    {
        var path = Path.Combine(AppContext.BaseDirectory, $"{secret}.secret");
        File.WriteAllText(path, secret + "\n");
        return path;
    }
}
